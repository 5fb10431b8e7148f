import type { Pool, PoolClient } from "pg";
import type { DomainEvent } from "../../proto/index.ts";
import { type Clock, sleep } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { SessionLock } from "../postgres/index.ts";
import { type EventStream, StreamStopped } from "./event-stream.ts";
import {
  OUTBOX_BACK_OFF_MAX_MS,
  OUTBOX_IN_HAND_MAX,
  OUTBOX_KEPT_MS,
  OUTBOX_POLL_MS,
  OUTBOX_PRUNE_EVERY_MS,
  OUTBOX_PRUNE_ROWS_MAX,
  OUTBOX_READ_MAX,
  OUTBOX_REPEAT_EVERY_MS,
  OUTBOX_STOP_MS,
  OUTBOX_SUBJECT_PAUSE_MS,
} from "./limits.ts";

interface Row {
  readonly id: string;
  readonly subject: string;
  readonly event: DomainEvent;
}

export interface RelayOptions {
  readonly pool: Pool;
  readonly schema: string;
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Takes events from a schema's outbox to the stream. Of all processes one does so at a time: whose connection holds the
 * schema's advisory lock, which PostgreSQL gives to another when that process or connection dies. Everything the relay reads and
 * writes goes over that connection, so whoever has lost the lock can neither read nor mark.
 *
 * It keeps no cursor: what has no `published_at` is to be published, however late it was committed. A subject's events go one
 * after another, each marked before the next, while subjects go side by side.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #table: string;
  readonly #stopping = new AbortController();
  /** Subjects whose events are being published: those that wait behind the first, and when all of them are done. */
  readonly #busy = new Map<string, { readonly rows: Row[]; readonly done: Promise<void> }>();
  /** The ids of all these rows; a read leaves them out. */
  readonly #inHand = new Set<string>();
  /** Subjects whose event could not be published: a read leaves them out, so that they never take the room of others. */
  readonly #paused = new Set<string>();
  /** Subjects that came to be paused while a read was under way. */
  readonly #pausedMeanwhile = new Set<string>();
  #running: Promise<void> | undefined;
  #isFull = false;
  #wanted = false;
  #wake: () => void = () => {};
  #leads = false;
  #prunedAt = -Infinity;
  #repeatedAt = -Infinity;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#table = `"${options.schema}".outbox`;
  }

  /** It takes the events of all processes to the stream. */
  get leads(): boolean {
    return this.#leads;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something was committed: look now. */
  nudge(): void {
    this.#wanted = true;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.nudge();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, schema } = this.#options;
    let waitMs = OUTBOX_POLL_MS;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#leadIfFree();
        waitMs = OUTBOX_POLL_MS;
      } catch (err) {
        log.warn({ err, schema }, "the outbox could not be read; trying again");
        waitMs = Math.min(waitMs * 2, OUTBOX_BACK_OFF_MAX_MS);
      }
      await sleep(clock, waitMs, this.#stopping.signal);
    }
  }

  /** Returns at once when another relay of the schema leads, else leads until it is stopped. Throws when PostgreSQL fails. */
  async #leadIfFree(): Promise<void> {
    const { pool, schema } = this.#options;
    const lock = await SessionLock.take(pool, `usher.outbox.${schema}`);
    if (lock === undefined) return;
    this.#leads = true;
    try {
      await this.#lead(lock.connection);
    } finally {
      this.#leads = false;
      lock.end();
    }
  }

  async #lead(connection: PoolClient): Promise<void> {
    const reign = new Reign(connection, this.#table);
    try {
      while (!this.#stopping.signal.aborted) {
        this.#wanted = false;
        await this.#pruneSometimes(reign);
        await this.#repeatSometimes(reign);
        const more = await this.#publishNext(reign);
        if (!more && !this.#wanted) await this.#pause();
      }
      const done = Promise.all(Array.from(this.#busy.values(), (subject) => subject.done));
      await Promise.race([done, sleep(this.#options.clock, OUTBOX_STOP_MS)]);
    } finally {
      reign.over = true;
    }
  }

  /** Reads once and sets about what it finds. @returns whether more can be read at once */
  async #publishNext(reign: Reign): Promise<boolean> {
    this.#isFull = this.#inHand.size >= OUTBOX_IN_HAND_MAX;
    if (this.#isFull) return false;
    this.#pausedMeanwhile.clear();
    const rows = await reign.read([...this.#inHand], [...this.#paused], OUTBOX_READ_MAX);
    for (const row of rows) {
      if (this.#pausedMeanwhile.has(row.subject)) continue; // The read left out the one that failed, which goes first.
      this.#inHand.add(row.id);
      const busy = this.#busy.get(row.subject);
      if (busy !== undefined) busy.rows.push(row);
      else this.#begin(reign, row);
    }
    return rows.length === OUTBOX_READ_MAX;
  }

  #begin(reign: Reign, row: Row): void {
    const rows = [row];
    // It begins only once it is known to be under way.
    const done = Promise.resolve().then(() => this.#publishSubject(reign, row.subject, rows));
    this.#busy.set(row.subject, { rows, done });
  }

  /** One after another, those that join meanwhile too. Never rejects: what could not be published or marked is read again. */
  async #publishSubject(reign: Reign, subject: string, rows: Row[]): Promise<void> {
    const { clock, log, schema, stream } = this.#options;
    try {
      for (let row = rows[0]; row !== undefined; row = rows[0]) {
        if (reign.over) break;
        await stream.publish(row.event);
        await reign.mark(row.id, clock);
        this.#inHand.delete(row.id);
        rows.shift();
      }
    } catch (err) {
      if (!(err instanceof StreamStopped)) log.warn({ err, schema, subject }, "events could not be published yet");
      this.#paused.add(subject);
      this.#pausedMeanwhile.add(subject);
      for (const { id } of rows) this.#inHand.delete(id);
      if (this.#isFull) this.nudge();
      await sleep(clock, OUTBOX_SUBJECT_PAUSE_MS, this.#stopping.signal);
    }
    const wasPaused = this.#paused.delete(subject);
    this.#busy.delete(subject);
    for (const { id } of rows) this.#inHand.delete(id);
    if (rows.length > 0 || wasPaused || this.#isFull) this.nudge();
  }

  async #pruneSometimes(reign: Reign): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#prunedAt < OUTBOX_PRUNE_EVERY_MS) return;
    if (await reign.prune(new Date(clock.now() - OUTBOX_KEPT_MS))) this.#prunedAt = clock.monotonic();
  }

  /** What the stream accepted a while ago is told once more, where a crash may have taken it. */
  async #repeatSometimes(reign: Reign): Promise<void> {
    const { clock, stream } = this.#options;
    if (stream.repeatAfterMs === undefined || clock.monotonic() - this.#repeatedAt < OUTBOX_REPEAT_EVERY_MS) return;
    await this.#beginAnewAfterLoss(reign);
    const rows = await reign.readUnrepeated(new Date(clock.now() - stream.repeatAfterMs), OUTBOX_READ_MAX);
    for (const { event } of rows) await stream.publish(event);
    await reign.markRepeated(
      rows.map(({ id }) => id),
      clock,
    );
    if (rows.length < OUTBOX_READ_MAX) this.#repeatedAt = clock.monotonic();
  }

  /** What went to a stream that is gone has not been published. */
  async #beginAnewAfterLoss(reign: Reign): Promise<void> {
    const { log, schema, stream } = this.#options;
    const madeAt = await stream.madeAt?.().catch(() => undefined); // The next look asks again.
    if (madeAt === undefined) return;
    const count = await reign.unmark(madeAt);
    if (count > 0) log.warn({ schema, count, madeAt }, "the event stream was made anew: publishing again what it had");
  }

  /** Until the next poll, a nudge or the end. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(OUTBOX_POLL_MS, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/** The time in which one connection holds the lock. Its statements go one after another. */
class Reign {
  over = false;
  readonly #connection: PoolClient;
  readonly #table: string;
  #marks: { readonly ids: string[]; readonly written: Promise<void> } | undefined;
  /** Never rejects. */
  #lastStatement: Promise<unknown> = Promise.resolve();

  constructor(connection: PoolClient, table: string) {
    this.#connection = connection;
    this.#table = table;
  }

  /** In the order in which they were written; without these ids and these subjects. */
  async read(inHand: readonly string[], paused: readonly string[], limit: number): Promise<Row[]> {
    const { rows } = await this.#inTurn(() =>
      this.#connection.query<Row>({
        name: "outbox.read",
        text: `select id::text, subject, event from ${this.#table}
         where published_at is null and id <> all ($1::bigint[]) and subject <> all ($2::text[])
         order by outbox.id limit $3`,
        values: [inHand, paused, limit],
      }),
    );
    return rows;
  }

  /** Settles when it is durable that the row was published. All that are to be marked meanwhile go into one statement. */
  mark(id: string, clock: Clock): Promise<void> {
    this.#marks ??= this.#nextMarks(clock);
    this.#marks.ids.push(id);
    return this.#marks.written;
  }

  /** What was published before `time`, and not once more since, in the order in which it was written. */
  async readUnrepeated(time: Date, limit: number): Promise<Row[]> {
    const { rows } = await this.#inTurn(() =>
      this.#connection.query<Row>(
        `select id::text, subject, event from ${this.#table}
         where published_at < $1 and repeated_at is null order by outbox.id limit $2`,
        [time, limit],
      ),
    );
    return rows;
  }

  async markRepeated(ids: readonly string[], clock: Clock): Promise<void> {
    if (ids.length === 0) return;
    await this.#inTurn(() =>
      this.#connection.query(`update ${this.#table} set repeated_at = $1 where id = any ($2)`, [
        new Date(clock.now()),
        ids,
      ]),
    );
  }

  /** Takes what was published before `time` for unpublished. @returns how many rows that were */
  async unmark(time: Date): Promise<number> {
    const { rowCount } = await this.#inTurn(() =>
      this.#connection.query(
        `update ${this.#table} set published_at = null, repeated_at = null where published_at < $1`,
        [time],
      ),
    );
    return rowCount ?? 0;
  }

  /** Deletes some of what was published before `time`. @returns whether that was all */
  async prune(time: Date): Promise<boolean> {
    const { rowCount } = await this.#inTurn(() =>
      this.#connection.query(
        `delete from ${this.#table} where id = any (array(
           select id from ${this.#table} where published_at < $1 order by published_at limit $2))`,
        [time, OUTBOX_PRUNE_ROWS_MAX],
      ),
    );
    return (rowCount ?? 0) < OUTBOX_PRUNE_ROWS_MAX;
  }

  #nextMarks(clock: Clock): { ids: string[]; written: Promise<void> } {
    const ids: string[] = [];
    const written = this.#inTurn(async () => {
      this.#marks = undefined;
      if (this.over) throw new StreamStopped("the relay has lost its lock");
      const now = new Date(clock.now());
      const text = `update ${this.#table} set published_at = $1 where id = any ($2)`;
      await this.#connection.query({ name: "outbox.mark", text, values: [now, ids] });
    });
    return { ids, written };
  }

  #inTurn<Result>(statement: () => Promise<Result>): Promise<Result> {
    const result = this.#lastStatement.then(statement);
    this.#lastStatement = result.catch(() => {});
    return result;
  }
}
