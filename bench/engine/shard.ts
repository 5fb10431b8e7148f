/** A shard with its group commit and its journal in PostgreSQL, without an edge: what the engine does to a command, and no socket. Beside it one fsynced insert. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { ENGINE_MIGRATIONS, PostgresJournal } from "../../engine/index.ts";
import { GroupCommit, REFUSALS_MAX, RefusalMemory, Shard } from "../../engine/shard/index.ts";
import { InProcessBus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import type { Command, HoldId, Reply, RequestId } from "../../proto/index.ts";
import { askerOf, flat, LIMITS, plan, SHOWTIME } from "./sale.ts";
import type { Work } from "./work.ts";

const PAIRS = 50_000;
/** Commands of one loop turn, as an edge sends them, and how many such batches are under way. */
const BATCH = 64;
const BATCHES = 8;
const SEATS_A_HOLD = 3;
const INSERTS = 500;

const log = createLogger({ level: "error", name: "bench" });

export function shardWork(share: number, databaseUrl: string): ReadonlyMap<string, Work> {
  const inserts = Math.max(2, Math.round(INSERTS * share));
  return new Map([
    [`hold of ${SEATS_A_HOLD} and release, ${BATCH * BATCHES} in flight: commands`, shardInUse(share, databaseUrl)],
    ["one fsynced insert of 100 bytes after another: commits", insertsOf(100, inserts, databaseUrl)],
    ["one fsynced insert of 16 KiB after another: commits", insertsOf(16_384, inserts, databaseUrl)],
  ]);
}

/** The engine's schema in an empty database. */
export async function openJournal(databaseUrl: string): Promise<PostgresJournal> {
  const pool = createPool({ connectionString: databaseUrl, max: 1, name: "usher-bench", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
  await pool.end();
  return new PostgresJournal({ connectionString: databaseUrl, clock: systemClock, log });
}

function shardInUse(share: number, databaseUrl: string): Work {
  const batches = Math.max(BATCHES, Math.round((PAIRS * share) / BATCH));
  let running: Promise<{ readonly shard: Shard; stop(): Promise<void> }> | undefined;
  return {
    count: batches * BATCH * 2,
    async prepare() {
      const { shard } = await (running ??= startShard(databaseUrl));
      return (done) => carryOut(shard, batches, done);
    },
    close: async () => (await running)?.stop(),
  };
}

async function startShard(databaseUrl: string): Promise<{ readonly shard: Shard; stop(): Promise<void> }> {
  const journal = await openJournal(databaseUrl);
  const bus = new InProcessBus({ clock: systemClock, log });
  const shard = new Shard({
    id: 0,
    shards: 1,
    owner: "bench",
    journal,
    bus,
    clock: systemClock,
    log,
    acknowledged: { seq: 0 },
    commits: new GroupCommit(journal, systemClock),
    refusals: new RefusalMemory({ clock: systemClock, max: REFUSALS_MAX }),
    limits: { ...LIMITS, maxSeatsPerHolder: 1e3 },
    proof: { isFresh: true, renew: () => undefined },
    onCommitted: () => undefined,
    onReplaced: () => undefined,
  });
  await shard.start();
  const rules = {
    salesStartAt: 0,
    salesEndAt: Date.now() * 2,
    orphan: "none",
    accessibleRelease: { when: "always" },
  } as const;
  await ask(shard, [{ type: "open", showtime: SHOWTIME, ...askerOf(0), plan: plan(125, 160), rules }]);
  return {
    shard,
    async stop() {
      await shard.stop();
      await bus.close();
      await journal.close();
    },
  };
}

/** Each chain holds seats of its own, waits until that is durable, releases them, and so on. */
async function carryOut(shard: Shard, batches: number, done: (commands: number) => void): Promise<void> {
  let left = batches;
  const chain = async (first: number): Promise<void> => {
    while (left > 0) {
      left--;
      const held = await ask(
        shard,
        Array.from({ length: BATCH }, (_, at) => holdOf(first + at)),
      );
      done(BATCH);
      await ask(
        shard,
        held.map((reply, at) => releaseOf(reply, first + at)),
      );
      done(BATCH);
    }
  };
  await Promise.all(Array.from({ length: BATCHES }, (_, index) => chain(index * BATCH)));
}

const ask = (shard: Shard, requests: readonly Command[]): Promise<readonly Reply[]> =>
  new Promise((resolve) => shard.handle({ requests }, ({ replies }) => resolve(replies)));

let rids = 0;
/** The casts below: ids of a bench need no parser. */
const nextRid = (): RequestId => flat(`rid-${++rids}`) as RequestId;

function holdOf(place: number): Command {
  const seats = Array.from({ length: SEATS_A_HOLD }, (_, seat) => place * SEATS_A_HOLD + seat);
  return { type: "hold", showtime: SHOWTIME, holder: askerOf(place).holder, rid: nextRid(), seats };
}

function releaseOf(reply: Reply, place: number): Command {
  if (reply.type !== "held") throw new Error(`a hold was answered with ${JSON.stringify(reply)}`);
  const hold: HoldId = reply.hold;
  return { type: "release", hold, showtime: SHOWTIME, holder: askerOf(place).holder, rid: nextRid() };
}

function insertsOf(bytes: number, count: number, databaseUrl: string): Work {
  let connected: Promise<pg.Client> | undefined;
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query("CREATE TABLE bare (id bigserial PRIMARY KEY, events bytea STORAGE EXTERNAL NOT NULL)");
    return client;
  };
  const events = randomBytes(bytes);
  return {
    count,
    async prepare() {
      const client = await (connected ??= connect());
      const insert = { name: "bare", text: "INSERT INTO bare (events) VALUES ($1)", values: [events] };
      return async (done) => {
        for (let left = count; left > 0; left--) {
          await client.query(insert);
          done(1);
        }
      };
    },
    close: async () => (await connected)?.end(),
  };
}
