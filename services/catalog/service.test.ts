import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock/index.ts";
import { showtimeId } from "../../proto/index.ts";
import { PREMIERE_ID, seatLabels } from "./index.ts";
import { TELLING_AT_ONCE } from "./limits.ts";
import { OpeningEngine, testCatalog, type TestCatalog } from "./testing.ts";

let catalog: TestCatalog;

beforeEach(async () => {
  catalog = await testCatalog();
});
afterEach(() => catalog.close());

const unopened = async () =>
  (await catalog.pool.query("select id from catalog.showtime where engine_version <> version order by id")).rows;
const counts = async () => {
  const tables = ["movie", "cinema", "hall", "showtime"];
  const results = await Promise.all(
    tables.map((table) => catalog.pool.query(`select count(*)::int as n from catalog.${table}`)),
  );
  return results.map((result) => result.rows[0].n);
};

describe("the demo", () => {
  it("is loaded into an empty catalogue once, and every showtime is open when the first start is over", async () => {
    await catalog.service.start();
    const [movies, cinemas, halls, showtimes] = await counts();
    expect([movies, cinemas, halls]).toEqual([12, 2, 4]);
    expect(showtimes).toBeGreaterThanOrEqual(7 * 13);
    expect(await unopened()).toEqual([]);
    expect(catalog.engine.opens).toHaveLength(showtimes);

    const again = catalog.another();
    await again.start();
    await again.stop();
    expect(await counts()).toEqual([movies, cinemas, halls, showtimes]);
    expect(catalog.engine.opens).toHaveLength(showtimes);
  });

  it("is loaded by one of several processes that start at once", async () => {
    const others = [catalog.another(), catalog.another(), catalog.another()];
    await Promise.all([catalog.service, ...others].map((service) => service.start()));
    expect((await counts()).slice(0, 3)).toEqual([12, 2, 4]);
    await Promise.all(others.map((service) => service.stop()));
  });

  it("that was cut off in the middle leaves nothing, and is loaded at the next start", async () => {
    await catalog.pool.query(
      "create function catalog.fail() returns trigger as $$ begin raise 'killed'; end $$ language plpgsql",
    );
    await catalog.pool.query(
      "create trigger fail before insert on catalog.showtime_price execute function catalog.fail()",
    );
    await expect(catalog.service.start()).rejects.toThrow("killed");
    expect(await counts()).toEqual([0, 0, 0, 0]);
    await catalog.pool.query("drop trigger fail on catalog.showtime_price");
    await catalog.service.start();
    expect((await counts())[0]).toBe(12);
  });
});

describe("opening showtimes in the engine", () => {
  it("sends each with its hall and its sale", async () => {
    await catalog.service.start();
    const premiere = catalog.engine.opens.find((open) => open.showtime === PREMIERE_ID);
    expect(premiere).toMatchObject({
      holder: "catalog",
      rules: { orphan: "none", accessibleRelease: { when: "always" } },
    });
    expect(premiere?.plan.row).toHaveLength(480);
    expect(premiere?.rules.salesStartAt).toBeLessThanOrEqual(systemClock.now());
    // Of those that are told at once, any may be heard first.
    expect(catalog.engine.opens.slice(0, TELLING_AT_ONCE)).toContain(premiere);
    expect(
      [...catalog.engine.sales.values()].filter(({ plan }) => plan.row.length === 20_000).length,
    ).toBeGreaterThanOrEqual(7);
  });

  it("tries again when the engine is away, and keeps nobody waiting meanwhile", async () => {
    catalog.engine.refusals.push(
      { type: "refused", code: "UNAVAILABLE", message: "away", retryInMs: 10 },
      { type: "refused", code: "BUSY", message: "full", retryInMs: 10 },
    );
    await catalog.service.start();
    await expect.poll(unopened).toEqual([]);
  });

  it("goes on after a crash with those that were not marked", async () => {
    await catalog.service.start();
    await catalog.service.stop();
    await catalog.pool.query("update catalog.showtime set engine_version = 0 where id = $1", [PREMIERE_ID]);
    const engine = new OpeningEngine();
    const restarted = catalog.another(engine);
    await restarted.start();
    await expect.poll(unopened).toEqual([]);
    await restarted.stop();
    expect(engine.opens.map((open) => open.showtime)).toEqual([PREMIERE_ID]);
  });

  it("leaves alone what was over before it was ever opened, and is not held up by what the engine will not take", async () => {
    await catalog.service.start();
    await catalog.service.stop();
    await catalog.pool.query("update catalog.showtime set engine_version = 0, status = 'cancelled' where id = $1", [
      PREMIERE_ID,
    ]);
    await catalog.pool.query(
      `update catalog.showtime set engine_version = 0, sales_start_at = now() - interval '2 days', sales_end_at = now() - interval '1 day'
       where id = (select id from catalog.showtime where hall_id = 'ha_studio' limit 1)`,
    );
    await catalog.pool.query("update catalog.showtime set engine_version = 0 where hall_id = 'ha_arena'");
    const before = await unopened();
    const engine = new OpeningEngine();
    engine.refusals.push({ type: "refused", code: "CONFLICT", message: "not so" });
    const restarted = catalog.another(engine);
    await restarted.start();
    await expect.poll(async () => (await unopened()).length).toBe(2);
    await restarted.stop();
    expect(engine.opens.every((open) => open.plan.row.length === 20_000)).toBe(true);
    expect(engine.opens).toHaveLength(before.length - 2);
  });

  it("stops while the engine is away", async () => {
    catalog.engine.ask = async () => ({ type: "refused", code: "UNAVAILABLE", message: "away" });
    const starting = catalog.service.start();
    await expect.poll(async () => (await counts())[0]).toBe(12);
    await catalog.service.stop();
    await starting;
  });
});

it("names the seats of a showtime", async () => {
  await catalog.service.start();
  const labels = await seatLabels(catalog.pool, showtimeId(PREMIERE_ID));
  expect(labels).toHaveLength(480);
  expect(labels?.[0]).toBe("A1");
  expect(await seatLabels(catalog.pool, showtimeId("st_nothing"))).toBeUndefined();
});
