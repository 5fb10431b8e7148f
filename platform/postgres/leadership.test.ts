import type pg from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Clock, systemClock, type Timer } from "../clock/index.ts";
import { ShiftedClock } from "../clock/testing.ts";
import { createPool, Leadership } from "./index.ts";
import { testDatabase, type TestDatabase } from "./testing.ts";

const log = pino({ level: "silent" });
const SILENT_MS = 1_000;
/** Where nobody hangs: longer than a busy machine lets a process stand still. */
const LONG_SILENT_MS = 4_000;

/** Clock of a process that hangs: no timer of it rings. */
class HungClock extends ShiftedClock {
  override after(): Timer {
    return { cancel: () => undefined };
  }
}

let database: TestDatabase;
let pool: pg.Pool;
const leaders: Leadership[] = [];
beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 10, name: "leadership-test", log });
});
afterEach(() => {
  for (const leader of leaders.splice(0)) leader.end();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function take(name: string, clock: Clock = systemClock, silentMs = SILENT_MS): Promise<Leadership | undefined> {
  const leader = await Leadership.take({ pool, name, clock, log, signOfLifeEveryMs: 100, silentMs });
  if (leader !== undefined) leaders.push(leader);
  return leader;
}

async function first(name: string, clock?: Clock, silentMs?: number): Promise<Leadership> {
  const leader = await take(name, clock, silentMs);
  if (leader === undefined) throw new Error("nobody has it, and it cannot be taken");
  return leader;
}

const isFree = async (name: string, silentMs?: number): Promise<boolean> =>
  (await take(name, systemClock, silentMs)) !== undefined;

it("goes over when the process that has it hangs, which knows when it wakes", async () => {
  const hung = await first("hangs", new HungClock());
  await expect.poll(() => isFree("hangs")).toBe(true);
  await hung.lost;
  expect(hung.isSure()).toBe(false);
  await expect(hung.connection.query("select 1")).rejects.toThrow();
});

it("is over for one that has slept, before it has read from its connection, whatever is read then", async () => {
  const clock = new HungClock();
  const slept = await first("slept", clock, LONG_SILENT_MS);
  expect(slept.isSure()).toBe(true);
  clock.goForward(LONG_SILENT_MS);
  expect(slept.isSure()).toBe(false);
  clock.goForward(-LONG_SILENT_MS);
  expect(slept.isSure()).toBe(false);
  await slept.lost;
});

it("stays with one that shows that it lives, for as long as it does", async () => {
  const leader = await first("lives", systemClock, LONG_SILENT_MS);
  const end = performance.now() + 1.5 * LONG_SILENT_MS;
  while (performance.now() < end) expect(await isFree("lives", LONG_SILENT_MS)).toBe(false);
  expect(leader.isSure()).toBe(true);
  leader.end();
  await expect.poll(() => isFree("lives")).toBe(true);
});

it("stays with one that waits for PostgreSQL, and says nothing meanwhile", async () => {
  const leader = await first("waits", new HungClock());
  let isAnswered = false;
  void leader.connection.query("select pg_sleep($1)", [(3 * SILENT_MS) / 1_000]).then(() => (isAnswered = true));
  while (!isAnswered) {
    const wasFree = await isFree("waits");
    if (!isAnswered) expect(wasFree).toBe(false); // Once it is, PostgreSQL waits for the one that has it.
  }
});

it("is given up when PostgreSQL does not answer", async () => {
  const leader = await first("unanswered");
  const answer = leader.connection.query("select pg_sleep(60)");
  await expect(answer).rejects.toThrow("Connection terminated");
  await leader.lost;
  expect(leader.isSure()).toBe(false);
});

it("is left to another user's process, whatever that does", async () => {
  const user = `leader_${database.url.slice(-12)}`;
  await pool.query(`create user ${user} password 'leads'`);
  const url = new URL(database.url);
  [url.username, url.password] = [user, "leads"];
  const theirs = createPool({ connectionString: url.href, max: 1, name: "leadership-test-2", log });
  try {
    const options = { pool: theirs, name: "theirs", clock: new HungClock(), log, silentMs: SILENT_MS };
    const leader = await Leadership.take(options);
    const end = performance.now() + 2 * SILENT_MS;
    while (performance.now() < end) expect(await isFree("theirs")).toBe(false);
    leader?.end();
  } finally {
    await theirs.end();
    await pool.query(`drop user ${user}`);
  }
});
