import { afterEach, expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { testCatalog, type TestCatalog } from "../testing.ts";

let catalog: TestCatalog;
afterEach(() => catalog.close());

const DAY_MS = 86_400_000;

async function demoAt(moment: string) {
  const clock = new VirtualClock(Date.parse(moment));
  catalog = await testCatalog({ clock });
  await catalog.service.start();
  return clock;
}

const upcoming = async (now: number) =>
  (
    await catalog.pool.query<{ day: string; n: number }>(
      `select to_char(starts_at at time zone 'Europe/Berlin', 'YYYY-MM-DD') as day, count(*)::int as n from catalog.showtime
       where starts_at > $1 group by 1 order by 1`,
      [new Date(now)],
    )
  ).rows;
const premieres = async (now: number) =>
  (await catalog.pool.query("select id from catalog.showtime where premiere and starts_at > $1", [new Date(now)])).rows;

it("goes on day after day, with a premiere ahead, and opens what is new", async () => {
  const clock = await demoAt("2026-11-21T09:00:00Z");
  for (let day = 1; day <= 4; day++) {
    await clock.advance(DAY_MS);
    await expect.poll(async () => (await upcoming(clock.now())).filter(({ n }) => n === 16)).toHaveLength(8);
    expect(await premieres(clock.now())).toHaveLength(1);
  }
  const { rows } = await catalog.pool.query("select count(*)::int as n from catalog.showtime");
  await expect.poll(() => catalog.engine.sales.size).toBe(rows[0].n);
});

it("does not come back once all of it was deleted, and stops nobody from starting", async () => {
  await demoAt("2026-11-21T09:00:00Z");
  await catalog.service.stop();
  await catalog.pool.query("truncate catalog.movie, catalog.cinema cascade");
  await catalog.service.start();
  expect((await catalog.pool.query("select from catalog.movie")).rowCount).toBe(0);
});

it("makes up for the time that it was away, and once", async () => {
  const clock = await demoAt("2026-11-21T09:00:00Z");
  await catalog.service.stop();
  await clock.advance(30 * DAY_MS);
  const others = [catalog.another(), catalog.another()];
  await Promise.all(others.map((service) => service.start()));
  expect((await upcoming(clock.now())).map(({ n }) => n)).toEqual(Array.from({ length: 8 }, () => 16));
  await Promise.all(others.map((service) => service.stop()));
});

it("touches nothing that an admin made, changed or deleted", async () => {
  const clock = await demoAt("2026-11-21T09:00:00Z");
  await catalog.pool.query("delete from catalog.showtime where starts_at::date = '2026-11-25'");
  await catalog.pool.query(
    `insert into catalog.showtime (id, movie_id, hall_id, plan_version, starts_at, ends_at, hall_free_at, sales_start_at, sales_end_at,
       cancel_until, currency, premiere)
     select 'st_own', movie_id, hall_id, plan_version, '2026-11-29T10:00:00Z', '2026-11-29T22:00:00Z', '2026-11-29T22:00:00Z', starts_at - interval '9 days',
       '2026-11-29T10:00:00Z', '2026-11-29T08:00:00Z', currency, false from catalog.showtime where hall_id = 'ha_studio' limit 1`,
  );
  await clock.advance(DAY_MS);
  const counts = async () => new Map((await upcoming(clock.now())).map(({ day, n }) => [day, n]));
  // Of the studio's five showtimes that day, four would overlap the admin's own, which is there in their place.
  await expect.poll(async () => (await counts()).get("2026-11-29")).toBe(13);
  expect((await counts()).get("2026-11-25")).toBeUndefined();
});

it("is not mistaken for a catalogue that somebody else filled", async () => {
  const clock = await demoAt("2026-11-21T09:00:00Z");
  await catalog.pool.query("delete from catalog.demo");
  await clock.advance(20 * DAY_MS);
  expect(await upcoming(clock.now())).toEqual([]);
});
