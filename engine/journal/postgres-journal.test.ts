import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import pino from "pino";
import type { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sleep, systemClock } from "../../platform/clock/index.ts";
import { messageOf } from "../../platform/explained/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { bookingId, showtimeId } from "../../proto/index.ts";
import {
  type BookedSeatChange,
  checkShardCount,
  ENGINE_MIGRATIONS,
  CommitRefused,
  CommitUnknown,
  JournalDamaged,
  PostgresJournal,
  type ShardCommit,
} from "./index.ts";
import type { Snapshot } from "./journal.ts";
import { READ_AT_MOST, ROWS_FIRST_READ, SNAPSHOT_BYTES_A_ROW } from "./limits.ts";

const log = pino({ level: "silent" });
const showtime = showtimeId("st-1");
const [anna, bert] = [bookingId("anna"), bookingId("bert")];

const commitOf = (shard: number, seq: number, epoch: number, bookedSeats: BookedSeatChange[] = []): ShardCommit => ({
  shard,
  seq,
  epoch,
  at: 1_000 + seq,
  events: Uint8Array.of(shard, seq, 255, 0, 7),
  bookedSeats,
});

const taken = (seat: number, after: BookedSeatChange["after"], before: BookedSeatChange["before"] = null) => ({
  showtime,
  seat,
  before,
  after,
});

let database: Awaited<ReturnType<typeof testDatabase>>;
let pool: Pool;
let journal: PostgresJournal;

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 4, name: "test", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
  await checkShardCount(pool, 8);
});

beforeEach(async () => {
  await pool.query("TRUNCATE engine.shard, engine.journal, engine.snapshot, engine.booked_seat");
  await journal?.close();
  journal = new PostgresJournal({ connectionString: database.url, clock: systemClock, log });
});

afterAll(async () => {
  await journal.close();
  await pool.end();
  await database.drop();
});

const rowsOf = async (shard: number, after = 0): Promise<number[]> => {
  const seqs: number[] = [];
  for await (const row of journal.rows(shard, after)) seqs.push(row.seq);
  return seqs;
};

const commitConnections = async (): Promise<number> => {
  const { rows } = await pool.query<{ count: string }>(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'usher-commit'",
  );
  return Number(rows[0]?.count);
};

const openSockets = (): number => process.getActiveResourcesInfo().filter((what) => what === "TCPSocketWrap").length;

/** Ends the connection that commits, and waits until this process has closed its side. */
async function cutCommits(): Promise<void> {
  const commits = "datname = current_database() AND application_name = 'usher-commit'";
  const before = openSockets();
  await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${commits}`);
  await expect.poll(openSockets).toBeLessThan(before);
}

/** From the index, since the database was made. A session counts when it has ended. */
async function rowsFetched(): Promise<number> {
  const sessions =
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'usher-%'";
  await expect.poll(async () => (await pool.query(sessions)).rowCount).toBe(0);
  const { rows } = await pool.query<{ count: string }>(
    "SELECT idx_tup_fetch AS count FROM pg_stat_user_tables WHERE schemaname = 'engine' AND relname = 'journal'",
  );
  return Number(rows[0]?.count);
}

describe("the journal in PostgreSQL", () => {
  const sockets = "/proc/net/tcp";
  it.runIf(existsSync(sockets))("has the system ask after the connection that commits while it is quiet", async () => {
    await journal.commit([]);
    const { rows } = await pool.query<{ port: number }>(
      "SELECT client_port AS port FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'usher-commit'",
    );
    const port = rows[0]?.port.toString(16).toUpperCase().padStart(4, "0");
    // Its state, its queues, and the timer that runs: 02 is the one that asks (proc_net_tcp.txt of the kernel).
    const timer = async (): Promise<string | undefined> =>
      new RegExp(`: \\w+:${port} \\w+:\\w+ 01 \\S+ (\\d\\d):`).exec(await readFile(sockets, "utf8"))?.[1];
    await expect.poll(timer).toBe("02");
  });

  it("reads rows back as they were written, in order, over many reads", async () => {
    const epoch = await journal.claim(5, "a");
    const end = 4 * ROWS_FIRST_READ + 100;
    const commits = Array.from({ length: end }, (_, at) => commitOf(5, at + 1, epoch));
    // More than a read takes, alone and several together.
    for (const seq of [3, 150, 151, 152, 153, end]) {
      const events = new Uint8Array(READ_AT_MOST.bytes * (seq === 150 ? 2 : 0.4)).fill(seq);
      commits[seq - 1] = { ...commitOf(5, seq, epoch), events };
    }
    for (let from = 0; from < end; from += 64)
      await Promise.all(commits.slice(from, from + 64).map((commit) => journal.commit([commit])));
    for (const after of [0, 100, 149, end - 4 * ROWS_FIRST_READ, end - 1, end]) {
      let last = after;
      for await (const row of journal.rows(5, after)) {
        expect(row.seq).toBe(++last);
        expect(row.at).toBe(1_000 + last);
        expect(Buffer.compare(row.events, commits[last - 1]?.events ?? Buffer.of())).toBe(0);
      }
      expect(last).toBe(end);
    }
  });

  it("has PostgreSQL look at each row once, though it has no statistics of them", async () => {
    const { events } = commitOf(3, 1, 1);
    await pool.query("INSERT INTO engine.journal SELECT 3, seq, 1, seq, $1, $2 FROM generate_series(1, 20000) AS seq", [
      Buffer.from(events),
      crc32(events),
    ]);
    const before = await rowsFetched();
    const own = new PostgresJournal({ connectionString: database.url, clock: systemClock, log });
    let last = 0;
    for await (const row of own.rows(3, 0)) last = row.seq;
    expect(last).toBe(20_000);
    await own.close();
    expect((await rowsFetched()) - before).toBe(20_000);
  });

  it("writes nothing for a shard with a newer epoch, and all of the others (law 4)", async () => {
    const [first, other] = [await journal.claim(1, "a"), await journal.claim(2, "a")];
    const second = await journal.claim(1, "a");
    expect(second).toBeGreaterThan(first);
    expect(await journal.commit([commitOf(1, 1, first), commitOf(2, 1, other)])).toEqual([2]);
    expect(await rowsOf(1)).toEqual([]);
    expect(await rowsOf(2)).toEqual([1]);
  });

  it("lets a writer go on that has lost track, unless another has claimed the shard", async () => {
    const first = await journal.claim(1, "a");
    expect(await journal.reclaim(1, "a")).toBeGreaterThan(first);
    const others = await journal.claim(1, "b");
    expect(await journal.reclaim(1, "a")).toBeUndefined();
    expect(await journal.commit([commitOf(1, 1, others)])).toEqual([1]);
    const again = await journal.reclaim(1, "b");
    expect(again).toBeGreaterThan(others);
    expect(await journal.reclaim(2, "a")).toBeUndefined();
    const other = await journal.claim(2, "a");
    expect(await journal.epochs()).toEqual(
      new Map([
        [1, again],
        [2, other],
      ]),
    );
    expect(await journal.epochs([2, 3])).toEqual(new Map([[2, other]]));
  });

  it("gives no epoch a second time, also where a failover has lost the claim that had it (law 4)", async () => {
    const lostAndClaimedAgain = async (claim: () => Promise<unknown>, next: () => Promise<unknown>): Promise<void> => {
      const { rows } = await pool.query("SELECT epoch, owner FROM engine.shard");
      const lost = await claim();
      // As a standby has it that was behind by that claim.
      const [before] = rows;
      if (before === undefined) await pool.query("DELETE FROM engine.shard");
      else await pool.query("UPDATE engine.shard SET epoch = $1, owner = $2", [before.epoch, before.owner]);
      await sleep(systemClock, 1_000); // Promotions take longer.
      await next();
      expect((await journal.epochs()).get(1)).toBeGreaterThan(Number(lost));
      expect(await journal.commit([commitOf(1, 1, Number(lost))])).toEqual([]);
    };
    const claimedBy = (owner: string) => () => journal.claim(1, owner);
    const lossNoted = () => journal.noteLosses(new Map([[1, { seq: 9 }]]));
    await lostAndClaimedAgain(claimedBy("a"), claimedBy("b"));
    await lostAndClaimedAgain(claimedBy("a"), claimedBy("b"));
    await lostAndClaimedAgain(() => journal.reclaim(1, "b"), claimedBy("a"));
    await lostAndClaimedAgain(claimedBy("b"), () => journal.reclaim(1, "a"));
    await lostAndClaimedAgain(claimedBy("b"), lossNoted);
    await pool.query("DELETE FROM engine.shard");
    await lostAndClaimedAgain(claimedBy("a"), lossNoted);
  });

  it("takes an epoch above the last where PostgreSQL's clock was set back", async () => {
    await journal.claim(1, "a");
    const ahead = 4_000_000_000;
    await pool.query("UPDATE engine.shard SET epoch = $1", [ahead]);
    expect(await journal.reclaim(1, "a")).toBe(ahead + 1);
    expect(await journal.claim(1, "b")).toBe(ahead + 2);
  });

  it("keeps a writer out that slept through the deletion of its rows", async () => {
    const old = await journal.claim(1, "a");
    await journal.commit([commitOf(1, 1, old)]);
    await journal.claim(1, "a");
    await pool.query("DELETE FROM engine.journal"); // As a snapshot of the new owner does: no primary key is in the way.
    expect(await journal.commit([commitOf(1, 1, old)])).toEqual([]);
  });

  it("lets no row of an older epoch in after a claim, however they race", async () => {
    let epoch = await journal.claim(1, "a");
    let seq = 0;
    for (let round = 0; round < 100; round++) {
      const commit = journal.commit([commitOf(1, seq + 1, epoch)]);
      const claim = journal.claim(1, "a");
      epoch = await claim;
      const seen = (await rowsOf(1)).length;
      const written = (await commit).length;
      expect(seen, `round ${round}: a row came in after the claim`).toBe(seq + written);
      seq += written;
    }
  });

  it("refuses a seat's second booking with everything that came with it (law 1)", async () => {
    const [one, two] = [await journal.claim(1, "a"), await journal.claim(2, "a")];
    await journal.commit([commitOf(1, 1, one, [taken(7, anna)])]);
    const refused = journal.commit([commitOf(2, 1, two), commitOf(1, 2, one, [taken(7, bert)])]);
    await expect(refused).rejects.toThrow(/booked_seat/);
    await expect(refused).rejects.toThrow(CommitRefused);
    expect(await rowsOf(1)).toEqual([1]);
    expect(await rowsOf(2)).toEqual([]);
  });

  it("frees a seat, and hands it from one booking to another", async () => {
    const epoch = await journal.claim(1, "a");
    await journal.commit([commitOf(1, 1, epoch, [taken(1, anna), taken(2, anna), taken(3, anna)])]);
    await journal.commit([commitOf(1, 2, epoch, [taken(1, null, anna), taken(2, bert, anna), taken(4, bert)])]);
    const { rows } = await pool.query("SELECT seat, booking_id FROM engine.booked_seat ORDER BY seat");
    expect(rows).toEqual([
      { seat: 2, booking_id: bert },
      { seat: 3, booking_id: anna },
      { seat: 4, booking_id: bert },
    ]);
  });

  it("refuses to free a seat that is not the booking's", async () => {
    const epoch = await journal.claim(1, "a");
    await journal.commit([commitOf(1, 1, epoch, [taken(1, anna)])]);
    const refused = journal.commit([commitOf(1, 2, epoch, [taken(1, null, bert)])]);
    await expect(refused).rejects.toThrow(/disagrees with the journal/);
    await expect(refused).rejects.toThrow(CommitRefused);
    expect(await rowsOf(1)).toEqual([1]);
  });

  it("ignores the bookings of a shard that was replaced", async () => {
    const [one, two] = [await journal.claim(1, "a"), await journal.claim(2, "a")];
    await journal.claim(1, "a");
    expect(
      await journal.commit([commitOf(1, 1, one, [taken(1, anna)]), commitOf(2, 1, two, [taken(2, bert)])]),
    ).toEqual([2]);
    const { rows } = await pool.query("SELECT seat FROM engine.booked_seat");
    expect(rows).toEqual([{ seat: 2 }]);
  });

  it("says so when a row is missing or not as it was written", async () => {
    const epoch = await journal.claim(1, "a");
    for (let seq = 1; seq <= 3; seq++) await journal.commit([commitOf(1, seq, epoch)]);
    await pool.query("UPDATE engine.journal SET events = set_bit(events, 3, 1 - get_bit(events, 3)) WHERE seq = 2");
    await expect(rowsOf(1)).rejects.toThrow(JournalDamaged);
    await pool.query("DELETE FROM engine.journal WHERE seq = 2");
    await expect(rowsOf(1)).rejects.toThrow(/row 2 is missing .* restore PostgreSQL from a backup/);
  });

  it("skips a snapshot with a flipped bit, and keeps two", async () => {
    const epoch = await journal.claim(1, "a");
    for (let seq = 1; seq <= 5; seq++) {
      await journal.commit([commitOf(1, seq, epoch)]);
      await journal.saveSnapshot({ shard: 1, seq, bytes: Uint8Array.of(seq, 9, 9) });
    }
    const read = async (): Promise<number[]> => {
      const seqs: number[] = [];
      for await (const snapshot of journal.snapshots(1)) seqs.push(snapshot.seq);
      return seqs;
    };
    expect(await read()).toEqual([5, 4]);
    await pool.query("UPDATE engine.snapshot SET bytes = set_bit(bytes, 9, 1 - get_bit(bytes, 9)) WHERE seq = 5");
    expect(await read()).toEqual([4]);
  });

  it("reads a long snapshot as it was written, whole also when it is let go of meanwhile", async () => {
    const long = Uint8Array.from({ length: 24 * SNAPSHOT_BYTES_A_ROW + 1 }, (_, at) => at % 251);
    const newest = async (): Promise<Snapshot | undefined> => {
      for await (const snapshot of journal.snapshots(1)) return snapshot;
      return undefined;
    };
    await journal.saveSnapshot({ shard: 1, seq: 1, bytes: long });
    expect(Buffer.compare((await newest())?.bytes ?? long.subarray(1), long)).toBe(0);
    const reading = newest();
    for (let seq = 2; seq <= 4; seq++) await journal.saveSnapshot({ shard: 1, seq, bytes: Uint8Array.of(seq) });
    expect((await reading)?.bytes.length).toBeOneOf([long.length, 1]);
    expect((await newest())?.seq).toBe(4);
  });

  it("deletes rows only when the older snapshot kept covers them and their retention is over", async () => {
    const epoch = await journal.claim(1, "a");
    for (let seq = 1; seq <= 3; seq++) await journal.commit([commitOf(1, seq, epoch)]); // `at` is in 1970.
    await journal.saveSnapshot({ shard: 1, seq: 2, bytes: Uint8Array.of(2) });
    expect(await rowsOf(1)).toEqual([1, 2, 3]);
    await journal.saveSnapshot({ shard: 1, seq: 3, bytes: Uint8Array.of(3) });
    expect(await journal.oldestRow(1)).toBe(3);
  });

  it("looks at few rows for those that are to go, where nearly all are to stay", async () => {
    const own = new PostgresJournal({ connectionString: database.url, clock: systemClock, log });
    await own.claim(3, "a");
    const rows = `INSERT INTO engine.journal (shard, seq, epoch, at, events, checksum)
      SELECT 3, seq, 1, $1::int8 * (seq > 5000)::int, '', 0 FROM generate_series(1, 30000) seq`;
    await pool.query(rows, [Date.now()]);
    await own.saveSnapshot({ shard: 3, seq: 29_000, bytes: Uint8Array.of(1) });
    await own.close();
    const before = await rowsFetched();
    const again = new PostgresJournal({ connectionString: database.url, clock: systemClock, log });
    await again.saveSnapshot({ shard: 3, seq: 30_000, bytes: Uint8Array.of(2) });
    expect(await again.oldestRow(3)).toBe(5_001);
    await again.close();
    expect((await rowsFetched()) - before).toBeLessThan(20_000);
  });

  it("has one connection that commits, also when one that failed is replaced at once", async () => {
    const epoch = await journal.claim(1, "a");
    await journal.commit([commitOf(1, 1, epoch)]);
    for (let seq = 2; seq <= 4; seq++) {
      await expect(journal.commit([commitOf(1, 1, epoch)])).rejects.toThrow(/duplicate key/);
      expect(await journal.commit([commitOf(1, seq, epoch)])).toEqual([1]);
    }
    await expect.poll(commitConnections).toBe(1);
  });

  it("writes nothing beyond rows that a server in place of another has lost", async () => {
    const [one, two] = [await journal.claim(1, "a"), await journal.claim(2, "a")];
    for (let seq = 1; seq <= 3; seq++) await journal.commit([commitOf(1, seq, one), commitOf(2, seq, two)]);
    // As in a failover to a standby that was behind.
    await pool.query("DELETE FROM engine.journal WHERE shard = 1 AND seq = 3");
    await cutCommits();
    const commits = [commitOf(1, 4, one), commitOf(2, 4, two)];
    for (let time = 0; time < 2; time++)
      await expect(journal.commit(commits)).rejects.toThrow(
        /^shard 1: PostgreSQL has lost row 3; point DATABASE_URL at/,
      );
    expect([await rowsOf(1), await rowsOf(2)]).toEqual([
      [1, 2],
      [1, 2, 3],
    ]);
    // Those that it has whole go on, also where a snapshot alone is left of them; and a newer owner is the epoch's business.
    expect(await journal.commit([commitOf(2, 4, two)])).toEqual([2]);
    await journal.saveSnapshot({ shard: 2, seq: 4, bytes: Uint8Array.of(1) });
    await pool.query("DELETE FROM engine.journal WHERE shard = 2");
    await cutCommits();
    expect(await journal.commit([commitOf(2, 5, two)])).toEqual([2]);
    const next = await journal.claim(2, "a");
    await journal.commit([commitOf(2, 6, next)]);
    await cutCommits();
    expect(await journal.commit([commitOf(2, 6, two)])).toEqual([]);
  });

  it("writes the same rows once, however often they are given because nobody knows whether they are there", async () => {
    const [one, two] = [await journal.claim(1, "a"), await journal.claim(2, "a")];
    const commits = [commitOf(1, 1, one, [taken(7, anna)]), commitOf(2, 1, two)];
    await journal.commit(commits);
    for (let time = 0; time < 2; time++) {
      await cutCommits();
      expect(new Set(await journal.commit(commits))).toEqual(new Set([1, 2]));
    }
    expect(await journal.commit([commitOf(1, 2, one), commitOf(2, 2, two)])).toEqual([1, 2]);
    expect([await rowsOf(1), await rowsOf(2)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("does not know what became of a commit whose connection was cut, and finds out when it is given it again", async () => {
    const hasty = { ...systemClock, after: (ms: number, work: () => void) => systemClock.after(ms / 25, work) };
    const own = new PostgresJournal({ connectionString: database.url, clock: hasty, log });
    const epoch = await own.claim(1, "a");
    const commit = [commitOf(1, 1, epoch, [taken(7, anna)])];
    const lock = await pool.connect();
    await lock.query("BEGIN; LOCK engine.journal IN EXCLUSIVE MODE");
    // Both wait in PostgreSQL for the lock, and go on when nobody hears of them any more.
    for (let time = 0; time < 2; time++) await expect(own.commit(commit)).rejects.toThrow(CommitUnknown);
    await lock.query("ROLLBACK");
    lock.release();
    // Each is given 200 ms, which a machine that hesitates may take.
    for (const next of [commit, [commitOf(1, 2, epoch)]])
      await expect.poll(() => own.commit(next).catch(() => [])).toEqual([1]);
    expect(await rowsOf(1)).toEqual([1, 2]);
    await own.close();
  });

  it("does not give a commit to a shard that was claimed meanwhile, when it is given again (law 4)", async () => {
    const [epoch, other] = [await journal.claim(1, "a"), await journal.claim(2, "a")];
    await journal.commit([commitOf(2, 1, other)]);
    await cutCommits();
    await journal.claim(1, "b");
    expect(await journal.commit([commitOf(1, 1, epoch), commitOf(2, 2, other)])).toEqual([2]);
    expect(await rowsOf(1)).toEqual([]);
  });

  it("knows what became of a commit that PostgreSQL refuses, and not of one that never reached it", async () => {
    const epoch = await journal.claim(1, "a");
    const refused = journal.commit([commitOf(1, Number.NaN, epoch)]);
    await expect(refused).rejects.toThrow(/invalid input syntax/);
    await expect(refused).rejects.not.toThrow(CommitUnknown);
    const away = new URL(database.url);
    away.port = "1";
    const nowhere = new PostgresJournal({ connectionString: away.href, clock: systemClock, log });
    await expect(nowhere.commit([commitOf(1, 1, epoch)])).rejects.toThrow(CommitUnknown);
    await nowhere.close();
  });

  it("commits again after its connection was cut", async () => {
    const epoch = await journal.claim(1, "a");
    await journal.commit([commitOf(1, 1, epoch)]);
    const commits = "datname = current_database() AND application_name = 'usher-commit'";
    await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${commits}`);
    await journal.commit([commitOf(1, 2, epoch)]).catch(() => undefined);
    const next = await journal.claim(1, "a");
    const seq = (await rowsOf(1)).length + 1;
    expect(await journal.commit([commitOf(1, seq, next)])).toEqual([1]);
  });
});

it("has nothing to do with a PostgreSQL that takes no writes, as a standby does: what that says may be old", async () => {
  const epoch = await journal.claim(1, "a");
  const turn = async (readOnly: "on" | "off"): Promise<void> => {
    await pool.query(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET default_transaction_read_only = ${readOnly}`,
    );
    // A server that becomes a standby ends all its connections.
    await pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'usher-%'",
    );
    await expect.poll(commitConnections).toBe(0);
  };
  await turn("on");
  try {
    // It is not taken for one that has lost rows: it may only be behind.
    await expect(journal.commit([commitOf(1, 3, epoch)])).rejects.toThrow(CommitUnknown);
    await expect.poll(() => journal.epochs().catch(messageOf)).toContain("takes no writes");
    expect(await journal.epochs([1]).catch(messageOf)).toContain("takes no writes");
  } finally {
    await pool.query("SET default_transaction_read_only = off");
    await turn("off");
  }
  await expect.poll(() => journal.epochs([1]).catch(messageOf)).toEqual(new Map([[1, epoch]]));
  expect(await journal.commit([commitOf(1, 1, epoch)])).toEqual([1]);
});
