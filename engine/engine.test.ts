import { randomUUID } from "node:crypto";
import pino from "pino";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessBus } from "../platform/bus/index.ts";
import { systemClock as clock, VirtualClock } from "../platform/clock/index.ts";
import { EngineClient } from "../platform/engine-client/index.ts";
import { createMetrics } from "../platform/metrics/index.ts";
import { createDatabase, createPool, migrate } from "../platform/postgres/index.ts";
import { testDatabase } from "../platform/postgres/testing.ts";
import { type Command, holderId, type Reply, type RequestId, showtimeId } from "../proto/index.ts";
import {
  checkServerSafety,
  checkShardCount,
  Engine,
  ENGINE_MIGRATIONS,
  PostgresJournal,
  requireShardCount,
  takeSnapshot,
} from "./index.ts";
import { POOL_MAX } from "./journal/limits.ts";
import { FaultyJournal } from "./testing/faulty-journal.ts";
import { smallHall } from "./testing/small-hall.ts";

const log = pino({ level: "silent" });
const showtime = showtimeId("st-1");
const SHARDS = 2;
const LIMITS = { holdTtlMs: 60_000, holdMaxMs: 60_000, paymentTtlMs: 60_000, maxSeatsPerHolder: 8, maxExtensions: 2 };

let database: Awaited<ReturnType<typeof testDatabase>>;
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 2, name: "test", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

describe("the engine on PostgreSQL", () => {
  it("refuses a server that may lose what it acknowledged, unless told to go on", async () => {
    const name = new URL(database.url).pathname.slice(1);
    await pool.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    const unsafe = createPool({ connectionString: database.url, max: 1, name: "unsafe", log });
    try {
      await expect(checkServerSafety(unsafe, false)).rejects.toThrow(/synchronous_commit off/);
      await expect(checkServerSafety(unsafe, true)).resolves.toBeUndefined();
    } finally {
      await unsafe.end();
      await pool.query(`ALTER DATABASE ${name} RESET synchronous_commit`);
    }
    await expect(checkServerSafety(pool, false)).resolves.toBeUndefined();
  });

  it("refuses a journal that was written with another shard count, and says which", async () => {
    const id = await checkShardCount(pool, SHARDS);
    expect(await checkShardCount(pool, SHARDS)).toBe(id);
    await expect(checkShardCount(pool, 64)).rejects.toThrow(/written with 2: set SHARDS=2/);
  });

  it("refuses another shard count of those who speak to it, too, but none before its first start", async () => {
    const empty = await testDatabase();
    const own = createPool({ connectionString: empty.url, max: 1, name: "test", log });
    try {
      expect(await requireShardCount(own, 64)).toBe(false);
      await migrate(createDatabase(own), "engine", ENGINE_MIGRATIONS);
      expect(await requireShardCount(own, 64)).toBe(false);
      expect((await own.query("SELECT FROM engine.cluster")).rows).toEqual([]);
      await checkShardCount(own, SHARDS);
      expect(await requireShardCount(own, SHARDS)).toBe(true);
      await expect(requireShardCount(own, 64)).rejects.toThrow(/SHARDS is 64, .* written with 2: set SHARDS=2/);
    } finally {
      await own.end();
      await empty.drop();
    }
  });

  it("is ready to commit and to take shards over before anybody holds a seat", async () => {
    const { engine, journal } = engineOnPostgres();
    await engine.start([]);
    const { rows } = await pool.query(
      `SELECT application_name AS name, count(*)::int AS connections FROM pg_stat_activity
       WHERE application_name IN ('usher-commit', 'usher-journal') AND datname = current_database() GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { name: "usher-commit", connections: 1 },
      { name: "usher-journal", connections: POOL_MAX },
    ]);
    expect((await pool.query("SELECT FROM engine.shard WHERE shard < 0")).rows).toEqual([]);
    await engine.stop();
    await journal.close();
  });

  it("answers UNAVAILABLE while the disk is full, says and counts it, loses nothing, and comes back by itself", async () => {
    const lines: string[] = [];
    const metrics = createMetrics("test", { ofProcess: false });
    const failed = async () =>
      (await metrics.getSingleMetric("usher_engine_commits_failed_total")?.get())?.values[0]?.value;
    const told = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    const { engine, journal, bus } = engineOnPostgres({ log: told, metrics });
    await engine.start();
    const clientOf = (timeoutMs: number): EngineClient =>
      new EngineClient({ bus, clock, shards: SHARDS, sells: true, timeoutMs, inFlightMax: 100 });
    const [client, hasty] = [clientOf(10_000), clientOf(300)];
    const ask = (rid: string, wish: { type: "hold"; seats: number[] }, by = hasty): Promise<Reply> => {
      const command: Command = { showtime, holder: holderId("anna"), rid: rid as RequestId, ...wish }; // Short enough.
      return by.ask(command);
    };
    await client.ask({
      type: "open",
      showtime,
      holder: holderId("catalog"),
      rid: "open" as RequestId,
      plan: smallHall(24),
      rules: { salesStartAt: 0, salesEndAt: 2 ** 45, orphan: "none", accessibleRelease: { when: "always" } },
    });
    expect(await ask("r1", { type: "hold", seats: [1] }, client)).toMatchObject({ type: "held" });

    await pool.query(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`);
    await pool.query("CREATE TRIGGER full_disk BEFORE INSERT ON engine.journal EXECUTE FUNCTION full_disk()");
    expect(await failed()).toBe(0);
    const begunAt = clock.monotonic();
    while (Number(await failed()) < 5)
      expect(await ask("r2", { type: "hold", seats: [2] })).toMatchObject({ type: "refused", code: "UNAVAILABLE" });
    expect(lines.join("")).toMatch(/No space left on device.*commits failed/);
    expect(lines.length).toBeLessThanOrEqual(1 + (clock.monotonic() - begunAt) / 1_000);
    await pool.query("DROP TRIGGER full_disk ON engine.journal");

    const askOnAndOn = async (rid: string, seat: number): Promise<Reply> => {
      for (;;) {
        const reply = await ask(rid, { type: "hold", seats: [seat] });
        if (reply.type !== "refused" || reply.code !== "UNAVAILABLE") return reply;
      }
    };
    expect(await askOnAndOn("r3", 1)).toMatchObject({ code: "SEAT_TAKEN" });
    expect(await askOnAndOn("r2", 2)).toMatchObject({ type: "held", seats: [2] });
    await engine.stop();
    await journal.close();
  });
});

function engineOnPostgres(more: Partial<Pick<ConstructorParameters<typeof Engine>[0], "log" | "metrics">> = {}): {
  readonly engine: Engine;
  readonly journal: PostgresJournal;
  readonly bus: InProcessBus;
} {
  const bus = new InProcessBus({ clock, log });
  const journal = new PostgresJournal({ connectionString: database.url, clock, log: more.log ?? log });
  const engine = new Engine({
    id: randomUUID(),
    journal,
    bus,
    clock,
    log,
    metrics: createMetrics("test"),
    shards: SHARDS,
    snapshots: { take: (shard) => takeSnapshot(journal, shard, log), close: () => Promise.resolve() },
    witness: { read: () => Promise.resolve(new Map()), write: () => Promise.resolve() },
    limits: LIMITS,
    onReplaced: () => undefined,
    ...more,
  });
  return { engine, journal, bus };
}

describe("an engine that has stopped", () => {
  it("bears no witness any more, also when it was writing one just then", async () => {
    const time = new VirtualClock();
    const bus = new InProcessBus({ clock: time, log });
    let written = 0;
    const engine = new Engine({
      id: "test",
      bus,
      clock: time,
      log,
      metrics: createMetrics("test"),
      shards: SHARDS,
      limits: LIMITS,
      journal: new FaultyJournal({ clock: time, fault: () => "none", latency: () => 1 }),
      snapshots: { take: () => Promise.resolve(), close: () => Promise.resolve() },
      witness: {
        read: () => Promise.resolve(new Map()),
        write: () => new Promise((done) => time.after(100, () => done(void written++))),
      },
      onReplaced: () => undefined,
    });
    const started = engine.start();
    await time.advance(50);
    await started;
    await time.advance(1_000); // It writes since a moment ago.
    const stopped = engine.stop();
    await time.advance(1_000);
    await stopped;
    expect(written).toBe(2);
    await time.advance(5_000);
    expect(written).toBe(2);
    await bus.close();
  });
});
