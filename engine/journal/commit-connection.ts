/** The one connection that commits, one statement at a time. */
import { crc32 } from "node:zlib";
import pg from "pg";
import type { Clock } from "../../platform/clock/index.ts";
import { ExplainedError, messageOf } from "../../platform/explained/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { KEEP_ALIVE, requireWritable } from "../../platform/postgres/index.ts";
import { commitStatement } from "./commit-statement.ts";
import { CommitRefused, CommitUnknown, JournalDamaged, RESTORE, type ShardCommit } from "./journal.ts";
import { COMMIT_TIMEOUT_MS } from "./limits.ts";

const FIND_IT = `point DATABASE_URL at the server that has it, or ${RESTORE}`;

/**
 * Looks at rows that are to be written for those that this very writer has written already, and for those of shards that lack both the row
 * before and a snapshot that covers it, which is to say that acknowledged rows were lost.
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
}

/** The class of such SQLSTATEs. */
const CONSTRAINT_VIOLATION = "23";
/**
 * How those begin with which PostgreSQL ends a connection, or takes none: what was given to it before may be done. So it may where a standby
 * answers for a moment.
 */
const CONNECTION_ENDED = ["08", "57P", "53300", "25006"];

/** A connection while it lasts. */
interface Writer {
  readonly client: pg.Client;
  readonly connected: Promise<unknown>;
  /** Shards whose last row was looked for on this connection; undefined where it was made before anything was read, and so can lack nothing. */
  readonly goesOn: Set<number> | undefined;
}

export class CommitConnection {
  readonly #options: Options;
  #writer: Writer | undefined;
  #hasClaimed = false;
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
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

  /** From now on there may be rows that a connection which takes the place of another has to look for. */
  noteClaim(): void {
    this.#hasClaimed = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const writer = this.#writer;
    await writer?.connected.catch(() => undefined); // Its commit hears of it.
    await writer?.client.end();
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
      // One that was given up says so too, and why is known already.
      const isOurs = this.#writer?.client === client && !this.#closed;
      if (isOurs) this.#options.log.warn({ err: error }, "the journal's connection broke");
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
