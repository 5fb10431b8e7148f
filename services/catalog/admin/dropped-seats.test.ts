import { afterEach, beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import type { Reply } from "../../../proto/index.ts";
import type { HallPlanView, SeatStatuses, Showtime } from "../../../proto/rest/index.ts";
import { clientOf, HOUR_MS, smallHall, testCatalog, type TestCatalog } from "../testing.ts";
import { SETTLE_SWEEP_EVERY_MS } from "../limits.ts";
import type { Static } from "typebox";

const AWAY: Reply = { type: "refused", code: "UNAVAILABLE", message: "away" };

let clock: VirtualClock;
let catalog: TestCatalog;
let client: ReturnType<typeof clientOf>;
let hall: HallPlanView;
let showtime: Showtime;

beforeEach(async () => {
  clock = new VirtualClock(Date.now());
  catalog = await testCatalog({ clock, demo: false });
  await catalog.service.start();
  client = clientOf(await catalog.server());
  hall = await client.hall((await client.cinema()).id);
  showtime = await client.showtime((await client.movie()).id, hall.id, clock.now() + 24 * HOUR_MS);
});
afterEach(() => catalog.close());

const put = (seats: number) =>
  client.ask(`/halls/${hall.id}`, {
    method: "PUT",
    body: {
      cinemaId: hall.cinemaId,
      ...smallHall,
      sections: [{ name: "Floor", rows: [{ name: "A", category: "all", parts: [seats] }] }],
    },
  });
const statuses = async ({ id } = showtime) =>
  (await client.ask(`/showtimes/${id}/seats`)).json<Static<typeof SeatStatuses>>().statuses;
const told = (type: "block" | "unblock") => catalog.engine.commands.filter((command) => command.type === type).length;
/** Breaks the connection that has locked the hall. */
const unlock = () =>
  catalog.pool.query(`
    select pg_terminate_backend(pid, 5000) from pg_locks join pg_stat_activity using (pid)
    where datname = current_database() and relation = 'catalog.hall'::regclass and state = 'idle in transaction'`);
const isSettled = async () =>
  (await catalog.pool.query<{ settled: boolean }>("select settled from catalog.hall")).rows[0]?.settled;

it("is freed again where whoever changed the hall died of it", async () => {
  await catalog.pool.query("update catalog.hall set settled = false");
  for (const seat of [5, 6]) catalog.engine.blocked.add(`${showtime.id} ${seat}`);
  await clock.advance(SETTLE_SWEEP_EVERY_MS);
  await expect.poll(isSettled).toBe(true);
  expect(await statuses()).toBe("0000000000");
});

it("is freed once the engine is back that went away in the middle of a change", async () => {
  const { ask } = catalog.engine;
  let isAway = false;
  catalog.engine.ask = async (request) => {
    if (isAway) return AWAY;
    if (request.type === "block") isAway = true; // It blocks the seats, and is heard of no more.
    return ask.call(catalog.engine, request);
  };
  expect((await put(5)).json()).toMatchObject({ code: "UNAVAILABLE" });
  expect(await isSettled()).toBe(false);
  isAway = false;
  expect(await statuses()).toBe("0000033333");
  await clock.advance(SETTLE_SWEEP_EVERY_MS);
  await expect.poll(isSettled).toBe(true);
  expect(await statuses()).toBe("0000000000");
});

it("is told of as blocked also where another settles the hall just then", async () => {
  // Whenever the hall is to be locked for the change, somebody has settled it: so it is, until the third time.
  const { pool } = catalog;
  await pool.query(`
    create sequence catalog.settled_by_others;
    create function catalog.settle() returns trigger language plpgsql as $$
      begin new.settled := nextval('catalog.settled_by_others') < 3; return new; end $$;
    create trigger settle before update of settled on catalog.hall
      for each row when (not new.settled) execute function catalog.settle()`);
  expect((await put(5)).statusCode).toBe(200);
  const { rows } = await pool.query<{ last_value: string }>("select last_value from catalog.settled_by_others");
  expect(rows).toEqual([{ last_value: "3" }]);
  expect([await statuses(), await isSettled()]).toEqual(["0000033333", true]);
});

it("is freed also where the change lost its connection, and another settled the hall, while a seat was being blocked", async () => {
  const next = await client.showtime((await client.movie()).id, hall.id, clock.now() + 48 * HOUR_MS);
  const { ask } = catalog.engine;
  catalog.engine.ask = async (request) => {
    if (request.type === "block") {
      await unlock();
      await catalog.pool.query("update catalog.hall set settled = true");
    }
    return ask.call(catalog.engine, request);
  };
  expect((await put(5)).statusCode).toBeGreaterThanOrEqual(500);
  expect(told("block")).toBe(1);
  await clock.advance(SETTLE_SWEEP_EVERY_MS);
  await expect.poll(isSettled).toBe(true);
  expect([await statuses(), await statuses(next)]).toEqual(["0000000000", "0000000000"]);
});

it("is freed no further by who has lost the hall", async () => {
  await client.showtime((await client.movie()).id, hall.id, clock.now() + 48 * HOUR_MS);
  await catalog.pool.query("update catalog.hall set settled = false");
  const { ask } = catalog.engine;
  let isBroken = false;
  catalog.engine.ask = async (request) => {
    if (request.type === "unblock" && !isBroken) {
      await unlock();
      isBroken = true;
    }
    return ask.call(catalog.engine, request);
  };
  await clock.advance(SETTLE_SWEEP_EVERY_MS);
  await expect.poll(() => isBroken).toBe(true);
  await catalog.service.stop();
  expect(told("unblock")).toBe(1);
  expect(await isSettled()).toBe(false);
});
