import { afterAll, beforeAll, expect, it } from "vitest";
import { clientOf, HOUR_MS, showtimeBody, testCatalog, type TestCatalog } from "../testing.ts";

let catalog: TestCatalog;
beforeAll(async () => {
  catalog = await testCatalog({ demo: false });
});
afterAll(() => catalog.close());

it("a movie that is removed while its showtime is changed stays, and neither fails of the other", async () => {
  const client = clientOf(await catalog.server());
  const movie = await client.movie();
  const hall = await client.hall((await client.cinema()).id);
  const startsAt = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + 48 * HOUR_MS;
  const { id, version } = await client.showtime(movie.id, hall.id, startsAt);
  const waiting = async (): Promise<number | null> =>
    (
      await catalog.pool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
    ).rowCount;
  // Each has locked what it is about when it comes to what the other has.
  const other = await catalog.pool.connect();
  await other.query("begin");
  await other.query("select from catalog.hall where id = $1 for update", [hall.id]);
  const body = { ...showtimeBody(movie.id, hall.id, startsAt), version };
  const changing = client.ask(`/showtimes/${id}`, { method: "PUT", body }).then((answer) => answer);
  await expect.poll(waiting).toBe(1);
  const removing = client.ask(`/movies/${movie.id}`, { method: "DELETE" }).then((answer) => answer);
  await expect.poll(waiting).toBe(2);
  await other.query("rollback");
  other.release();
  expect((await changing).statusCode).toBe(200);
  expect((await removing).json()).toMatchObject({ status: 409, detail: "The movie still has showtimes." });
});
