import { setMaxListeners } from "node:events";
import type { Pool, PoolClient } from "pg";
import { doubledMs } from "../../back-off/index.ts";
import { type Clock, sleep, Wakeable, within } from "../../clock/index.ts";
import { CountedLine, type Logger } from "../../log/index.ts";
import { Leadership } from "../../postgres/index.ts";
import { type EventStream, StreamStopped } from "../event-stream.ts";
import {
  OUTBOX_BACK_OFF_MAX_MS,
  OUTBOX_IN_HAND_MAX,
  OUTBOX_KEPT_MS,
  OUTBOX_ORDER_EVERY_MS,
  OUTBOX_ORDER_WAIT_MS,
  OUTBOX_POLL_MS,
  OUTBOX_PRUNE_EVERY_MS,
  OUTBOX_READ_MAX,
  OUTBOX_REPEAT_EVERY_MS,
  OUTBOX_REPEATS_REFUSED_MAX,
  OUTBOX_STOP_MS,
  OUTBOX_SUBJECT_PAUSE_MS,
  OUTBOX_TOLD_EVERY_MS,
} from "../limits.ts";
import { OutboxLead, type OutboxRow } from "./outbox-lead.ts";

export interface RelayOptions {
  readonly pool: Pool;
  readonly schema: string;
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Takes events from a schema's outbox to the stream. Of all processes one does so at a time: whose connection holds the
 * schema's advisory lock, which PostgreSQL gives to another when that process or connection dies, or the process hangs (see
 * `Leadership`); a process that is cut off from the stream gives it up. Everything the relay reads and writes goes over that connection, so
 * whoever has lost the lock can neither read nor mark.
 *
 * It keeps no cursor: what has no `published_at` is to be published, however late it was committed. A subject's events go one
 * after another, each marked before the next, while subjects go side by side. One that was written after another of its subject
 * in another outbox waits until that one is published.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #stopping = new AbortController();
  readonly #rest: Wakeable;
  /** Subjects whose events are being published: those that wait behind the first, and when all of them are done. */
  readonly #busy = new Map<string, { readonly rows: OutboxRow[]; readonly done: Promise<void> }>();
  /** The ids of all these rows; a read leaves them out. */
  readonly #inHand = new Set<string>();
  /** Subjects whose event could not be published: a read leaves them out, so that they never take the room of others. */
  readonly #paused = new Set<string>();
  /** Subjects that came to be paused while a read was under way. */
  readonly #pausedMeanwhile = new Set<string>();
  /** Events that the stream has taken, and refused, since the last look whether it is away. */
  #taken = 0;
  #refused = 0;
  readonly #refusals: CountedLine;
  #running: Promise<void> | undefined;
  #isFull = false;
  #wanted = false;
  #leads = false;
  #prunedAt = -Infinity;
  #repeatedAt = -Infinity;
  /** When the stream that was found last was made. */
  #madeAt: number | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#rest = new Wakeable(options.clock);
    this.#refusals = new CountedLine(options.clock, OUTBOX_TOLD_EVERY_MS);
    setMaxListeners(0, this.#stopping.signal); // Each paused subject has one, and Node takes eleven for a leak.
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
    this.#rest.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.nudge();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, schema } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#leadIfFree();
        failures = 0;
      } catch (err) {
        log.warn({ err, schema }, "the outbox could not be read; trying again");
        failures++;
      }
      await sleep(clock, doubledMs(OUTBOX_POLL_MS, failures, OUTBOX_BACK_OFF_MAX_MS), this.#stopping.signal);
    }
  }

  /** Returns at once when another relay of the schema leads, else leads until it is stopped or cut off. Throws when PostgreSQL fails. */
  async #leadIfFree(): Promise<void> {
    const { pool, schema, clock, log } = this.#options;
    if (this.#isCutOff()) return; // Others may not be.
    const leadership = await Leadership.take({ pool, name: `usher.outbox.${schema}`, clock, log });
    if (leadership === undefined) return;
    this.#leads = true;
    try {
      await this.#lead(leadership.connection);
    } finally {
      this.#leads = false;
      leadership.end();
    }
  }

  async #lead(connection: PoolClient): Promise<void> {
    const { clock, schema, log } = this.#options;
    const lead = await OutboxLead.of(connection, schema, clock);
    try {
      while (!this.#stopping.signal.aborted && !this.#isCutOff()) {
        this.#wanted = false;
        await this.#pruneSometimes(lead);
        await this.#repeatSometimes(lead);
        const more = await this.#publishNext(lead);
        // A stream that takes nothing would have all that waits read over and over.
        const isAway = this.#refused > 0 && this.#taken === 0 && (more || this.#isFull);
        [this.#taken, this.#refused] = [0, 0];
        if (isAway) await sleep(clock, OUTBOX_POLL_MS, this.#stopping.signal);
        else if (!more && !this.#wanted) await this.#rest.wait(OUTBOX_POLL_MS);
      }
      if (this.#isCutOff()) log.warn({ schema }, "cut off from the event stream: events are left to others to publish");
      const done = Promise.all(Array.from(this.#busy.values(), (subject) => subject.done));
      await within<unknown>(clock, OUTBOX_STOP_MS, done, () => undefined);
    } finally {
      lead.over = true;
    }
  }

  #isCutOff(): boolean {
    return this.#options.stream.isCutOff?.() === true;
  }

  /** Reads once and sets about what it finds. @returns whether more can be read at once */
  async #publishNext(lead: OutboxLead): Promise<boolean> {
    this.#isFull = this.#inHand.size >= OUTBOX_IN_HAND_MAX;
    if (this.#isFull) return false;
    this.#pausedMeanwhile.clear();
    const rows = await lead.read([...this.#inHand], [...this.#paused], OUTBOX_READ_MAX);
    for (const row of rows) {
      if (this.#pausedMeanwhile.has(row.subject)) continue; // The read left out the one that failed, which goes first.
      this.#inHand.add(row.id);
      const busy = this.#busy.get(row.subject);
      if (busy !== undefined) busy.rows.push(row);
      else this.#begin(lead, row);
    }
    return rows.length === OUTBOX_READ_MAX;
  }

  #begin(lead: OutboxLead, row: OutboxRow): void {
    const rows = [row];
    // It begins only once it is known to be under way.
    const done = Promise.resolve().then(() => this.#publishSubject(lead, row.subject, rows));
    this.#busy.set(row.subject, { rows, done });
  }

  /** One after another, those that join meanwhile too. Never rejects: what could not be published or marked is read again. */
  async #publishSubject(lead: OutboxLead, subject: string, rows: OutboxRow[]): Promise<void> {
    const { clock, stream } = this.#options;
    try {
      for (let row = rows[0]; row !== undefined; row = rows[0]) {
        if (row.isEarly) await this.#untilItsTurn(lead, row.id);
        if (lead.over || (row.isEarly && this.#stopping.signal.aborted)) break; // The next to lead publishes it.
        await stream.publish(row.event);
        this.#taken++;
        await lead.mark(row.id);
        this.#inHand.delete(row.id);
        rows.shift();
      }
    } catch (err) {
      this.#noteRefusal(err, subject);
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

  #noteRefusal(err: unknown, subject: string): void {
    const { log, schema } = this.#options;
    this.#refused++;
    if (err instanceof StreamStopped) return;
    this.#refusals.add((count) => log.warn({ err, schema, subject, count }, "events could not be published yet"));
  }

  /** Or until it has waited for so long that something else must be wrong: PostgreSQL's clock may have been set back. */
  async #untilItsTurn(lead: OutboxLead, id: string): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    const deadline = clock.monotonic() + OUTBOX_ORDER_WAIT_MS;
    do await sleep(clock, OUTBOX_ORDER_EVERY_MS, signal);
    while (!lead.over && !signal.aborted && clock.monotonic() < deadline && (await lead.isEarly(id)));
  }

  async #pruneSometimes(lead: OutboxLead): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#prunedAt < OUTBOX_PRUNE_EVERY_MS) return;
    const mayBeMore = await lead.prune(new Date(clock.now() - OUTBOX_KEPT_MS));
    if (!mayBeMore) this.#prunedAt = clock.monotonic();
  }

  /**
   * What the stream accepted a while ago is told once more, where a crash may have taken it. What it refuses now, and what comes after that
   * of its subject, is told at a later look.
   */
  async #repeatSometimes(lead: OutboxLead): Promise<void> {
    const { clock, stream } = this.#options;
    if (stream.repeatAfterMs === undefined || clock.monotonic() - this.#repeatedAt < OUTBOX_REPEAT_EVERY_MS) return;
    await this.#beginAnewAfterLoss(lead);
    const rows = await lead.readUnrepeated(new Date(clock.now() - stream.repeatAfterMs), OUTBOX_READ_MAX);
    const [repeated, refused] = [[] as string[], new Set<string>()];
    for (const { id, event } of rows) {
      if (refused.has(event.subject)) continue;
      try {
        await stream.publish(event);
        this.#taken++;
        repeated.push(id);
      } catch (err) {
        this.#noteRefusal(err, event.subject);
        if (refused.add(event.subject).size === OUTBOX_REPEATS_REFUSED_MAX || this.#isCutOff()) break;
      }
    }
    await lead.markRepeated(repeated);
    if (rows.length < OUTBOX_READ_MAX || refused.size > 0) this.#repeatedAt = clock.monotonic();
  }

  /** What went to a stream that is gone has not been published. */
  async #beginAnewAfterLoss(lead: OutboxLead): Promise<void> {
    const { log, schema, stream } = this.#options;
    const madeAt = await stream.madeAt?.().catch(() => undefined); // The next look asks again.
    if (madeAt === undefined || madeAt.getTime() === this.#madeAt) return; // Once for each.
    await lead.noteStream(madeAt);
    const count = await lead.unmark();
    this.#madeAt = madeAt.getTime();
    if (count > 0) log.warn({ schema, count, madeAt }, "the event stream was made anew: publishing again what it had");
  }
}
