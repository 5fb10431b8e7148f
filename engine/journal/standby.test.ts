import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../platform/clock/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { startEmbedded } from "../../platform/postgres/embedded/index.ts";
import { CommitUnknown, ENGINE_MIGRATIONS, PostgresJournal, type ShardCommit } from "./index.ts";

const log = pino({ level: "silent" });
const COMMITS = "application_name = 'usher-commit'";

let dataDir: string;
let server: Awaited<ReturnType<typeof startEmbedded>>;
let pool: ReturnType<typeof createPool>;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "usher-standby-"));
  server = await startEmbedded({ dataDir, log, clock: systemClock });
  pool = createPool({ connectionString: server.url, max: 2, name: "test", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
});

afterAll(async () => {
  await pool.end();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Whether commits wait for a standby, which never comes. */
async function haveStandby(isNamed: boolean): Promise<void> {
  await pool.query(`ALTER SYSTEM SET synchronous_standby_names = '${isNamed ? "one" : ""}'`);
  await pool.query("SELECT pg_reload_conf()");
  await expect
    .poll(async () => (await pool.query("SHOW synchronous_standby_names")).rows)
    .toEqual([{ synchronous_standby_names: isNamed ? "one" : "" }]);
}

const waitsForStandby = async (): Promise<boolean> => {
  const { rowCount } = await pool.query(`SELECT FROM pg_stat_activity WHERE ${COMMITS} AND wait_event = 'SyncRep'`);
  return rowCount === 1;
};

describe("the journal of a PostgreSQL with a standby that it waits for", () => {
  it("does not take a row for durable that may be read and that its standby may not have (law 2)", async () => {
    // The second commit is to last until it was seen to wait, however slow the machine.
    const patient: Clock = { ...systemClock, after: (ms, work) => systemClock.after(10 * ms, work) };
    const journal = new PostgresJournal({ connectionString: server.url, clock: patient, log });
    const epoch = await journal.claim(1, "a");
    const row: ShardCommit = { shard: 1, seq: 1, epoch, at: 1, events: Uint8Array.of(1), bookedSeats: [] };
    await haveStandby(true);
    const isUnknown = expect(journal.commit([row])).rejects.toThrow(CommitUnknown);
    await expect.poll(waitsForStandby).toBe(true);
    await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${COMMITS}`);
    await isUnknown;
    await expect.poll(async () => (await pool.query("SELECT FROM engine.journal")).rowCount).toBe(1); // It may be read.
    const again = journal.commit([row]);
    await expect.poll(waitsForStandby).toBe(true);
    await haveStandby(false);
    expect(await again).toEqual([1]);
    await journal.close();
  });

  it("keeps no connection of those that were given up, but the one that waits for the standby", async () => {
    const impatient: Clock = { ...systemClock, after: (ms, work) => systemClock.after(ms / 20, work) };
    const journal = new PostgresJournal({ connectionString: server.url, clock: impatient, log });
    const epoch = await journal.claim(2, "a");
    const row: ShardCommit = { shard: 2, seq: 1, epoch, at: 1, events: Uint8Array.of(1), bookedSeats: [] };
    const connections = async (): Promise<number | null> =>
      (await pool.query(`SELECT FROM pg_stat_activity WHERE ${COMMITS}`)).rowCount;
    await haveStandby(true);
    let most = 0;
    for (let time = 0; time < 5; time++) {
      await expect(journal.commit([row])).rejects.toThrow(CommitUnknown);
      most = Math.max(most, (await connections()) ?? 0); // PostgreSQL notices within 2 s who is gone.
    }
    expect(most).toBeGreaterThan(1);
    await expect.poll(connections, { timeout: 20_000 }).toBe(1);
    expect(await waitsForStandby()).toBe(true);
    await haveStandby(false);
    await journal.close();
  });
});
