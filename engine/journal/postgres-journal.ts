/** The journal in PostgreSQL. One connection commits, see `CommitConnection`; a small pool does all else. */
import { crc32 } from "node:zlib";
import type pg from "pg";
import type { Clock } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { copyOut, createPool } from "../../platform/postgres/index.ts";
import { CommitConnection } from "./commit-connection.ts";
import { FIRST_EPOCH, NEXT_EPOCH } from "./epoch.ts";
import {
  type Acknowledged,
  type Journal,
  JournalDamaged,
  type JournalRow,
  type Loss,
  RESTORE,
  type ShardCommit,
  type Snapshot,
} from "./journal.ts";
import {
  ANSWER_WITHIN_MS,
  EPOCHS_TIMEOUT_MS,
  JOURNAL_RETENTION_MS,
  POOL_MAX,
  READ_AT_MOST,
  ROWS_DELETED_AT_ONCE,
  ROWS_FIRST_READ,
  ROWS_PER_READ_MIN,
  SNAPSHOT_BYTES_A_ROW,
  SNAPSHOTS_KEPT,
} from "./limits.ts";
import { endOf, noteLosses } from "./losses.ts";

interface Options {
  readonly connectionString: string;
  /** As `checkShardCount` gave it to an engine: what that remembers is of this journal. */
  readonly id?: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How much of a shard's rows is read at a time. */
  readonly readAtMost?: { readonly rows: number; readonly bytes: number };
}

interface StoredRow {
  readonly seq: number;
  readonly epoch: number;
  readonly at: number;
  readonly checksum: number;
  readonly events: Buffer;
}

export class PostgresJournal implements Journal {
  readonly #options: Options;
  readonly #pool: pg.Pool;
  readonly #commits: CommitConnection;

  constructor(options: Options) {
    this.#options = options;
    const { connectionString, log } = options;
    this.#commits = new CommitConnection(options);
    // Without this, and until its statistics know of most rows of a shard, PostgreSQL sorts all that are left for each read.
    const setting = "enable_sort = off";
    this.#pool = createPool({
      connectionString,
      max: POOL_MAX,
      kept: POOL_MAX,
      name: "usher-journal",
      log,
      setting,
      writable: true,
      answerWithinMs: ANSWER_WITHIN_MS,
    });
  }

  /** The connections, and that PostgreSQL knows the statements; no shard has a number below 0. */
  async warmUp(): Promise<void> {
    const shard = -1;
    await Promise.all([
      this.commit([]),
      ...Array.from({ length: POOL_MAX }, async () => {
        const connection = await this.#pool.connect();
        try {
          await connection.query(claimOf(shard, ""));
          await copyOut(connection, rowsOf(shard, 0, 0));
          connection.release();
        } catch (error) {
          connection.release(true);
          throw error;
        }
      }),
    ]);
  }

  commit(commits: readonly ShardCommit[]): Promise<readonly number[]> {
    return this.#commits.commit(commits);
  }

  async claim(shard: number, owner: string): Promise<number> {
    this.#commits.noteClaim();
    const { rows } = await this.#pool.query<{ epoch: string }>(claimOf(shard, owner));
    return Number(rows[0]?.epoch);
  }

  async reclaim(shard: number, owner: string): Promise<number | undefined> {
    const { rows } = await this.#pool.query<{ epoch: string }>({
      name: "reclaim",
      text: `UPDATE engine.shard s SET epoch = ${NEXT_EPOCH} WHERE shard = $1 AND owner = $2 RETURNING epoch`,
      values: [shard, owner],
    });
    return rows[0] && Number(rows[0].epoch);
  }

  noteLosses(acknowledged: ReadonlyMap<number, Acknowledged>): Promise<readonly Loss[]> {
    return noteLosses(this.#pool, acknowledged, this.#options.id);
  }

  end(shard: number, acknowledged: Acknowledged): ReturnType<Journal["end"]> {
    return endOf(this.#pool, shard, acknowledged, this.#options.id);
  }

  async epochs(shards?: readonly number[]): Promise<ReadonlyMap<number, number>> {
    // Known to pg, but not to its types: a connection that is silent for longer is given up.
    const query: pg.QueryConfig & { readonly query_timeout: number } = {
      ...(shards === undefined
        ? { name: "epochs", text: "SELECT shard, epoch FROM engine.shard" }
        : { name: "epochs-of", text: "SELECT shard, epoch FROM engine.shard WHERE shard = ANY($1)", values: [shards] }),
      query_timeout: EPOCHS_TIMEOUT_MS,
    };
    const { rows } = await this.#pool.query<{ shard: number; epoch: string }>(query);
    return new Map(rows.map(({ shard, epoch }) => [shard, Number(epoch)]));
  }

  async *snapshots(shard: number): AsyncIterable<Snapshot> {
    for (let before = Number.MAX_SAFE_INTEGER; ;) {
      // In pieces: PostgreSQL sends a row in one go, and a whole snapshot of a long sale would hold up whatever is served meanwhile.
      const rows = await copyOut(
        this.#pool,
        `SELECT s.seq, s.checksum, start::int8, substring(s.bytes FROM start FOR ${SNAPSHOT_BYTES_A_ROW})
         FROM (
           SELECT shard, seq FROM engine.snapshot WHERE shard = ${shard} AND seq < ${before} ORDER BY seq DESC LIMIT 1
         ) newest
         JOIN engine.snapshot s USING (shard, seq), generate_series(1, length(s.bytes), ${SNAPSHOT_BYTES_A_ROW}) start`,
      );
      const [first] = rows;
      if (first === undefined) return;
      const [seq, checksum] = [int8(first[0]), int8(first[1])];
      const pieces = rows.map(([, , start, piece = NO_BYTES]) => ({ start: int8(start), piece }));
      const bytes = Buffer.concat(pieces.sort((a, b) => a.start - b.start).map(({ piece }) => piece));
      if (crc32(bytes) === checksum) yield { shard, seq, bytes };
      else this.#options.log.error({ shard, seq }, "a snapshot is not as it was written: skipped");
      before = seq;
    }
  }

  async *rows(shard: number, afterSeq: number): AsyncIterable<JournalRow> {
    let last = afterSeq;
    let limit = ROWS_FIRST_READ;
    const { rows: rowsMax, bytes: bytesMax } = this.#options.readAtMost ?? READ_AT_MOST;
    let reading = this.#read(shard, last, limit);
    for (;;) {
      const rows = await reading;
      const end = rows.length === limit ? rows.at(-1) : undefined;
      if (end !== undefined) {
        const bytesARow = rows.reduce((sum, { events }) => sum + events.length, 0) / rows.length;
        const fit = Math.floor(bytesMax / Math.max(1, bytesARow));
        limit = Math.max(ROWS_PER_READ_MIN, Math.min(fit, 2 * limit, rowsMax));
        reading = this.#read(shard, end.seq, limit); // PostgreSQL reads on while these are replayed.
        reading.catch(() => undefined); // Should nobody want it any more.
      }
      for (const { seq, epoch, at, checksum, events } of rows) {
        if (seq !== last + 1)
          throw new JournalDamaged(`shard ${shard}: row ${last + 1} is missing before row ${seq}; ${RESTORE}`, seq - 1);
        if (crc32(events) !== checksum) {
          throw new JournalDamaged(`shard ${shard}: row ${seq} is not as it was written; ${RESTORE}`, seq);
        }
        yield { shard, seq, epoch, at, events };
        last = seq;
      }
      if (end === undefined) return;
    }
  }

  async #read(shard: number, after: number, limit: number): Promise<readonly StoredRow[]> {
    const rows = await copyOut(this.#pool, rowsOf(shard, after, limit));
    return rows.map(([seq, epoch, at, checksum, events = NO_BYTES]) => ({
      seq: int8(seq),
      epoch: int8(epoch),
      at: int8(at),
      checksum: int8(checksum),
      events,
    }));
  }

  async oldestRow(shard: number): Promise<number> {
    const { rows } = await this.#pool.query<{ seq: string | null }>(
      "SELECT min(seq) AS seq FROM engine.journal WHERE shard = $1",
      [shard],
    );
    return Number(rows[0]?.seq ?? 1);
  }

  async saveSnapshot({ shard, seq, bytes }: Snapshot): Promise<void> {
    await this.#pool.query(
      "INSERT INTO engine.snapshot (shard, seq, bytes, checksum) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
      [shard, seq, bytes, crc32(bytes)],
    );
    const { rows } = await this.#pool.query<{ oldest: string }>(
      `SELECT min(seq) AS oldest FROM
         (SELECT seq FROM engine.snapshot WHERE shard = $1 ORDER BY seq DESC LIMIT ${SNAPSHOTS_KEPT}) kept
       HAVING count(*) = ${SNAPSHOTS_KEPT}`,
      [shard],
    );
    const oldest = rows[0]?.oldest;
    if (oldest === undefined) return;
    await this.#pool.query("DELETE FROM engine.snapshot WHERE shard = $1 AND seq < $2", [shard, oldest]);
    await this.#deleteRows(shard, oldest, this.#options.clock.now() - JOURNAL_RETENTION_MS);
  }

  /** Only the oldest are looked at, until one is to stay, as are all that came after it: a month of them. */
  async #deleteRows(shard: number, upTo: string, before: number): Promise<void> {
    const oldest = `SELECT seq, at FROM engine.journal WHERE shard = $1 AND seq <= $2 ORDER BY seq LIMIT ${ROWS_DELETED_AT_ONCE}`;
    let deleted: number | null;
    do {
      const done = await this.#pool.query(
        `DELETE FROM engine.journal WHERE shard = $1 AND seq <= (SELECT max(seq) FROM (${oldest}) oldest WHERE at < $3)`,
        [shard, upTo, before],
      );
      deleted = done.rowCount;
    } while (deleted === ROWS_DELETED_AT_ONCE);
  }

  async close(): Promise<void> {
    await this.#commits.close();
    await this.#pool.end();
  }
}

const claimOf = (shard: number, owner: string): pg.QueryConfig => ({
  name: "claim",
  text: `INSERT INTO engine.shard AS s (shard, epoch, owner) SELECT $1::int, ${FIRST_EPOCH}, $2::text WHERE $1 >= 0
         ON CONFLICT (shard) DO UPDATE SET epoch = ${NEXT_EPOCH}, owner = $2 RETURNING epoch`,
  values: [shard, owner],
});

const rowsOf = (shard: number, after: number, limit: number): string =>
  `SELECT seq, epoch, at, checksum, events FROM engine.journal WHERE shard = ${shard} AND seq > ${after} ORDER BY seq LIMIT ${limit}`;

const int8 = (field: Buffer | undefined): number => Number(field?.readBigInt64BE() ?? 0n);
const NO_BYTES = Buffer.alloc(0);
