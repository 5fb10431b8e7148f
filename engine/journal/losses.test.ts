import pino from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import {
  acceptLosses,
  checkShardCount,
  ENGINE_MIGRATIONS,
  NOTHING_ACKNOWLEDGED,
  PostgresJournal,
  type ShardCommit,
} from "./index.ts";

const log = pino({ level: "silent" });
let database: Awaited<ReturnType<typeof testDatabase>>;
let pool: ReturnType<typeof createPool>;
let journal: PostgresJournal;

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 2, name: "test", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
  await checkShardCount(pool, 8);
  journal = new PostgresJournal({ connectionString: database.url, clock: systemClock, log });
});
beforeEach(() => pool.query("TRUNCATE engine.shard, engine.journal, engine.snapshot"));
afterAll(async () => {
  await journal.close();
  await pool.end();
  await database.drop();
});

const rowOf = (shard: number, seq: number, epoch: number): ShardCommit => ({
  shard,
  seq,
  epoch,
  at: seq,
  events: Uint8Array.of(1),
  bookedSeats: [],
});

const lostRow = async (shard: number): Promise<number> => (await journal.end(shard, NOTHING_ACKNOWLEDGED)).lost;

it("a row that was acknowledged and is not there is written down for all, and whoever serves its shard is replaced", async () => {
  const [one, two] = [await journal.claim(1, "a"), await journal.claim(2, "a")];
  await journal.commit([rowOf(1, 1, one), rowOf(2, 1, two)]);
  await journal.saveSnapshot({ shard: 3, seq: 9, bytes: Uint8Array.of(1) });
  const acknowledged = new Map(
    [1, 2, 3, 4, 5].map((shard) => [shard, { seq: { 1: 7, 2: 1, 3: 9, 4: 2 }[shard] ?? 0 }]),
  );
  for (let time = 0; time < 2; time++) {
    const losses = await journal.noteLosses(acknowledged);
    expect(losses.toSorted((left, right) => left.shard - right.shard)).toEqual([
      { shard: 1, row: 7 },
      { shard: 4, row: 2 },
    ]);
  }
  expect(await journal.noteLosses(new Map([[1, { seq: 6 }]]))).toEqual([{ shard: 1, row: 7 }]); // Who remembers most is right.
  expect(await Promise.all([1, 2, 3, 4, 5].map(lostRow))).toEqual([7, 0, 0, 2, 0]);
  expect(await journal.commit([rowOf(1, 2, one), rowOf(2, 2, two)])).toEqual([2]);
  expect(await journal.reclaim(1, "a")).toBeUndefined();
});

it("an operator may accept it: then nothing is missed any more, also by engines that remember", async () => {
  const before = await checkShardCount(pool, 8);
  expect(await acceptLosses(pool)).toEqual([]);
  expect(await checkShardCount(pool, 8)).toBe(before);
  await journal.noteLosses(new Map([[1, { seq: 7 }]]));
  expect(await acceptLosses(pool)).toEqual([{ shard: 1, row: 7 }]);
  expect(await lostRow(1)).toBe(0);
  expect(await checkShardCount(pool, 8)).not.toBe(before); // What witnesses remember is of another journal.
});

it("an engine that remembers still when the loss is accepted does not write it down again", async () => {
  const id = await checkShardCount(pool, 8);
  const remembering = new PostgresJournal({ connectionString: database.url, id, clock: systemClock, log });
  expect(await remembering.noteLosses(new Map([[1, { seq: 7 }]]))).toEqual([{ shard: 1, row: 7 }]);
  await acceptLosses(pool);
  expect(await remembering.noteLosses(new Map([[1, { seq: 7 }]]))).toEqual([]);
  expect(await lostRow(1)).toBe(0);
  await remembering.close();
});

describe("a row that was acknowledged, and that another engine has replaced on a server that was behind", () => {
  const acknowledged = async (): Promise<{ seq: number; epoch: number }> => {
    const lost = await journal.claim(1, "a");
    for (let seq = 1; seq <= 7; seq++) await journal.commit([rowOf(1, seq, lost)]);
    await pool.query("DELETE FROM engine.journal WHERE seq > 4");
    const epoch = await journal.claim(1, "b");
    for (let seq = 5; seq <= 8; seq++) await journal.commit([rowOf(1, seq, epoch)]);
    return { seq: 7, epoch: lost };
  };

  it("is missed, though there is a row of its number and more, until it is there again", async () => {
    const row = await acknowledged();
    const { last } = await journal.end(1, NOTHING_ACKNOWLEDGED);
    expect(last.seq).toBe(8);
    expect(await journal.end(1, row)).toEqual({ last, lost: 7 });
    expect(await journal.end(1, last)).toEqual({ last, lost: 0 });
    expect(await journal.noteLosses(new Map([[1, row]]))).toEqual([{ shard: 1, row: 7 }]);
    expect(await lostRow(1)).toBe(7);
    expect(await journal.commit([rowOf(1, 9, last.epoch ?? 0)])).toEqual([]);
    await pool.query("UPDATE engine.journal SET epoch = $1 WHERE seq = 7", [row.epoch]);
    expect(await lostRow(1)).toBe(0);
  });

  it("is not missed by a witness that does not know whose it was, as those of an older version", async () => {
    const { seq } = await acknowledged();
    expect(await journal.noteLosses(new Map([[1, { seq }]]))).toEqual([]);
    expect((await journal.end(1, { seq })).lost).toBe(0);
  });

  it("is not looked for any more once rows of its age are deleted, nor once the loss is accepted", async () => {
    const id = await checkShardCount(pool, 8);
    const own = new PostgresJournal({ connectionString: database.url, id, clock: systemClock, log });
    const row = await acknowledged();
    expect((await own.end(1, row)).lost).toBe(7);
    await journal.saveSnapshot({ shard: 1, seq: 8, bytes: Uint8Array.of(1) });
    expect((await own.end(1, row)).lost).toBe(7); // It covers another's.
    await own.noteLosses(new Map([[1, row]]));
    await acceptLosses(pool);
    expect((await own.end(1, row)).lost).toBe(0);
    await own.close();
    expect((await journal.end(1, row)).lost).toBe(7);
    await pool.query("DELETE FROM engine.journal WHERE seq <= 7");
    expect((await journal.end(1, row)).lost).toBe(0);
  });
});
