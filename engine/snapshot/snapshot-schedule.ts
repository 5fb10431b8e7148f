/** Decides when a shard is due for a snapshot: by size, by rows and by time. One snapshot is taken at a time. */
import { type Clock, every, type Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import {
  AFTER_BYTES,
  AFTER_MS,
  AFTER_ROWS,
  AT_A_LOOK_ROWS,
  HANDED_OVER_BYTES,
  LOOK_EVERY_MS,
  QUIET_AFTER_MS,
} from "./limits.ts";

/** Where snapshots are made: a worker thread in production, in place in simulations. */
export interface SnapshotTaker {
  take(shard: number): Promise<void>;
  close(): Promise<void>;
}

interface Growth {
  rows: number;
  bytes: number;
  readonly since: number;
}

export class SnapshotSchedule {
  readonly #taker: SnapshotTaker;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #growth = new Map<number, Growth>();
  readonly #due = new Set<number>();
  readonly #timer: Timer;
  #taking: Promise<void> | undefined;

  constructor(taker: SnapshotTaker, clock: Clock, log: Logger) {
    this.#taker = taker;
    this.#clock = clock;
    this.#log = log;
    this.#timer = every(clock, LOOK_EVERY_MS, () => this.#look());
  }

  /** What the next owner has to read more: rows that were committed, or that this one had to read. */
  note(shard: number, { rows, bytes }: { readonly rows: number; readonly bytes: number }): void {
    if (rows === 0) return;
    let growth = this.#growth.get(shard);
    if (growth === undefined) {
      growth = { rows: 0, bytes: 0, since: this.#clock.monotonic() };
      this.#growth.set(shard, growth);
    }
    growth.rows += rows;
    growth.bytes += bytes;
    if (growth.bytes >= AFTER_BYTES || growth.rows >= AFTER_ROWS) this.#makeDue(shard);
  }

  /**
   * Before the shard is handed to another engine, unless that reads what was journaled here in a moment. One that cannot be taken costs
   * the next owner time, and nothing else.
   */
  async takeBeforeHandover(shard: number): Promise<void> {
    const { bytes = 0 } = this.#growth.get(shard) ?? {};
    if (bytes < HANDED_OVER_BYTES) return;
    this.#growth.delete(shard);
    await this.#take(shard);
  }

  /** The shard is another engine's now, and so are its snapshots. */
  forget(shard: number): void {
    this.#growth.delete(shard);
    this.#due.delete(shard);
  }

  async close(): Promise<void> {
    this.#timer.cancel();
    this.#due.clear();
    await this.#taking;
    await this.#taker.close();
  }

  #look(): void {
    const now = this.#clock.monotonic();
    for (const [shard, { rows, bytes, since }] of this.#growth) {
      const afterMs = bytes >= HANDED_OVER_BYTES ? AFTER_MS : QUIET_AFTER_MS;
      if (rows >= AT_A_LOOK_ROWS || now - since >= afterMs) this.#makeDue(shard);
    }
  }

  #makeDue(shard: number): void {
    this.#growth.delete(shard);
    this.#due.add(shard);
    this.#taking ??= this.#takeAll();
  }

  async #takeAll(): Promise<void> {
    for (const shard of this.#due) {
      this.#due.delete(shard);
      await this.#take(shard);
    }
    this.#taking = undefined;
  }

  async #take(shard: number): Promise<void> {
    try {
      await this.#taker.take(shard);
    } catch (error) {
      this.#log.error({ shard, err: error }, "no snapshot could be taken; recovery will read more of the journal");
    }
  }
}
