/** The journal in PostgreSQL. One connection commits, one statement at a time; a small pool does all else. */
import { crc32 } from "node:zlib";
import pg from "pg";
import type { Clock } from "../../platform/clock/index.ts";
import { ExplainedError, messageOf } from "../../platform/explained/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { copyOut, createPool, KEEP_ALIVE, requireWritable } from "../../platform/postgres/index.ts";
import { commitStatement } from "./commit-statement.ts";
import {
  CommitRefused,
  CommitUnknown,
  type Journal,
  JournalDamaged,
  type JournalRow,
  type ShardCommit,
  type Snapshot,
} from "./journal.ts";
import {
  ANSWER_WITHIN_MS,
  COMMIT_TIMEOUT_MS,
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

/** What to do about a damaged journal. */
const RESTORE = "restore PostgreSQL from a backup (docs/guides/operating.md, Backup and restore)";
const FIND_IT = `point DATABASE_URL at the server that has it, or ${RESTORE}`;

/**
 * Of rows that are to be written: those that this very writer has written already, and those of shards that lack both the row before and a
 * snapshot that covers it, which is to say that acknowledged rows were lost.
 */
const LOOK_FIRST = `
  SELECT * FROM (
    SELECT b.shard, b.seq,
      EXISTS (
        SELECT FROM engine.journal j WHERE j.shard = b.shard AND j.seq = b.seq
          AND j.epoch = b.epoch AND j.at = b.at AND j.checksum = b.checksum
      ) AS "isThere",
      b.seq - 1 > greatest(
        (SELECT max(j.seq) FROM engine.journal j WHERE j.shard = b.shard),
        (SELECT max(s.seq) FROM engine.snapshot s WHERE s.shard = b.shard),
        0
      ) AS "isGap"
    FROM unnest($1::int[], $2::int8[], $3::int8[], $4::int8[], $5::int8[]) AS b(shard, seq, epoch, at, checksum)
  ) looked WHERE "isThere" OR "isGap"`;

/**
 * Answers the shards that still have their writer's epoch, once a standby that PostgreSQL waits for has what was written before: a row
 * whose commit did not hear of its standby may be read, and be lost with this server.
 */
const CONFIRM = `
  WITH fence AS MATERIALIZED (
    SELECT s.shard FROM engine.shard s JOIN unnest($1::int[], $2::int8[]) AS b(shard, epoch) USING (shard, epoch)
    ORDER BY s.shard FOR UPDATE OF s
  )
  UPDATE engine.shard s SET epoch = s.epoch FROM fence WHERE s.shard = fence.shard RETURNING s.shard`;

interface Options {
  readonly connectionString: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the rows of a shard. */
  readonly readAtMost?: { readonly rows: number; readonly bytes: number };
}

/** The class of such SQLSTATEs. */
const CONSTRAINT_VIOLATION = "23";
/**
 * How those begin with which PostgreSQL ends a connection, or takes none: what was given to it before may be done. So it may where a standby
 * answers for a moment.
 */
const CONNECTION_ENDED = ["08", "57P", "53300", "25006"];

interface StoredRow {
  readonly seq: number;
  readonly epoch: number;
  readonly at: number;
  readonly checksum: number;
  readonly events: Buffer;
}

/** The connection that commits. */
interface Writer {
  readonly client: pg.Client;
  readonly connected: Promise<unknown>;
  /** Shards whose last row was looked for on this connection; undefined where it was made before anything was read, and so can lack nothing. */
  readonly goesOn: Set<number> | undefined;
}

export class PostgresJournal implements Journal {
  readonly #options: Options;
  readonly #pool: pg.Pool;
  #writer: Writer | undefined;
  #hasClaimed = false;
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
    const { connectionString, log } = options;
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

  async commit(commits: readonly ShardCommit[]): Promise<readonly number[]> {
    const statement = commitStatement(commits);
    const writer = (this.#writer ??= this.#connect());
    const { client, connected } = writer;
    const overdue = this.#options.clock.after(COMMIT_TIMEOUT_MS, () => this.#abandon(client));
    try {
      await connected;
      const there = await this.#lookFirst(commits, writer);
      // All were written by one statement: where one is there, the others were another writer's.
      const { rows } = await client.query<{ shard: number }>(there.length > 0 ? confirm(there) : statement);
      return rows.map((row) => row.shard);
    } catch (error) {
      this.#abandon(client);
      throw failureOf(error);
    } finally {
      overdue.cancel();
    }
  }

  async claim(shard: number, owner: string): Promise<number> {
    this.#hasClaimed = true;
    const { rows } = await this.#pool.query<{ epoch: string }>(claimOf(shard, owner));
    return Number(rows[0]?.epoch);
  }

  async reclaim(shard: number, owner: string): Promise<number | undefined> {
    const { rows } = await this.#pool.query<{ epoch: string }>({
      name: "reclaim",
      text: "UPDATE engine.shard SET epoch = epoch + 1 WHERE shard = $1 AND owner = $2 RETURNING epoch",
      values: [shard, owner],
    });
    return rows[0] && Number(rows[0].epoch);
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
          throw new JournalDamaged(`shard ${shard}: row ${last + 1} is missing before row ${seq}; ${RESTORE}`);
        if (crc32(events) !== checksum) {
          throw new JournalDamaged(`shard ${shard}: row ${seq} is not as it was written; ${RESTORE}`);
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
    this.#closed = true;
    const writer = this.#writer;
    await writer?.connected.catch(() => undefined); // Its commit hears of it.
    await writer?.client.end();
    await this.#pool.end();
  }

  /**
   * A connection that takes the place of another may have a commit to repeat, and may lead to another server, such as a standby that was behind:
   * the first commit of each shard on it asks whether its row is there already, and whether the row before is. (Without, a shard for which
   * no commit was under way would write beyond the gap.)
   * @returns those that are there
   * @throws JournalDamaged
   */
  async #lookFirst(commits: readonly ShardCommit[], { client, goesOn }: Writer): Promise<readonly ShardCommit[]> {
    const unknown = goesOn === undefined ? [] : commits.filter(({ shard }) => !goesOn.has(shard));
    if (unknown.length === 0) return [];
    for (const { shard } of unknown) goesOn?.add(shard); // Should one be lost, the connection is given up.
    const { rows } = await client.query<{ shard: number; seq: string; isThere: boolean; isGap: boolean }>(LOOK_FIRST, [
      unknown.map(({ shard }) => shard),
      unknown.map(({ seq }) => seq),
      unknown.map(({ epoch }) => epoch),
      unknown.map(({ at }) => at),
      unknown.map(({ events }) => crc32(events)),
    ]);
    const gap = rows.find(({ isGap }) => isGap);
    if (gap !== undefined) {
      throw new JournalDamaged(`shard ${gap.shard}: PostgreSQL has lost row ${Number(gap.seq) - 1}; ${FIND_IT}`);
    }
    const there = new Set(rows.map(({ shard }) => shard));
    return commits.filter(({ shard }) => there.has(shard));
  }

  #connect(): Writer {
    if (this.#closed) throw new Error("the journal is closed");
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: "usher-commit",
      ...KEEP_ALIVE,
    });
    client.on("error", (error) => {
      if (!this.#closed) this.#options.log.warn({ err: error }, "the journal's connection broke");
      this.#abandon(client);
    });
    return {
      client,
      connected: client.connect().then(() => requireWritable(client)),
      goesOn: this.#hasClaimed ? new Set() : undefined,
    };
  }

  /** A connection whose last statement may or may not have committed is never used again. It may say that it broke after it was replaced. */
  #abandon(client: pg.Client): void {
    if (this.#writer?.client === client) this.#writer = undefined;
    // pg declares no way to drop a connection without waiting for what it is doing; its socket does.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
}

/** What became of a commit that failed with `error`. */
function failureOf(error: unknown): unknown {
  if (error instanceof ExplainedError) return error;
  if (!(error instanceof pg.DatabaseError)) return unknown(error);
  const is = (kind: string): boolean => error.code?.startsWith(kind) === true;
  if (is(CONSTRAINT_VIOLATION)) return new CommitRefused(error.message, { cause: error });
  return CONNECTION_ENDED.some(is) ? unknown(error) : error;
}

const confirm = (commits: readonly ShardCommit[]): pg.QueryConfig => ({
  text: CONFIRM,
  values: [commits.map(({ shard }) => shard), commits.map(({ epoch }) => epoch)],
});

const unknown = (cause: unknown): CommitUnknown => new CommitUnknown(messageOf(cause), { cause });

const claimOf = (shard: number, owner: string): pg.QueryConfig => ({
  name: "claim",
  text: `INSERT INTO engine.shard AS s (shard, epoch, owner) SELECT $1::int, 1, $2::text WHERE $1 >= 0
         ON CONFLICT (shard) DO UPDATE SET epoch = s.epoch + 1, owner = $2 RETURNING epoch`,
  values: [shard, owner],
});

const rowsOf = (shard: number, after: number, limit: number): string =>
  `SELECT seq, epoch, at, checksum, events FROM engine.journal WHERE shard = ${shard} AND seq > ${after} ORDER BY seq LIMIT ${limit}`;

const int8 = (field: Buffer | undefined): number => Number(field?.readBigInt64BE() ?? 0n);
const NO_BYTES = Buffer.alloc(0);
