/** Decides when a shard is due for a snapshot: by size, by rows and by time. One snapshot is taken at a time. */
import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";

/** Where snapshots are made: a worker thread in production, in place in simulations. */
export interface SnapshotTaker {
  take(shard: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * A snapshot is taken when this much was journaled since the last one: half a million holds and releases, or rows of one each, which the
 * next owner reads in less than a second. Each costs as much as to read them, mostly for the answers that it remembers ...
 */
const AFTER_BYTES = 32 * 1024 * 1024;
const AFTER_ROWS = 40_000;
/** ... or, at one of the looks, when there is more to read than a snapshot of what is remembered would be ... */
const AT_A_LOOK_ROWS = 8_000;
/** ... or when anything was journaled and the last one is older than this. */
const AFTER_MS = 10 * 60_000;
const LOOK_EVERY_MS = 60_000;
/** What is handed over without one: the next owner reads it in a tenth of a second, and a snapshot of a long sale takes longer. */
const HANDED_OVER_BYTES = 1024 * 1024;

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
  #taking: Promise<void> | undefined;
  #timer: Timer | undefined;

  constructor(taker: SnapshotTaker, clock: Clock, log: Logger) {
    this.#taker = taker;
    this.#clock = clock;
    this.#log = log;
    this.#lookLater();
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
    this.#timer?.cancel();
    this.#due.clear();
    await this.#taking;
    await this.#taker.close();
  }

  #lookLater(): void {
    this.#timer = this.#clock.after(LOOK_EVERY_MS, () => {
      const now = this.#clock.monotonic();
      for (const [shard, { rows, since }] of this.#growth)
        if (rows >= AT_A_LOOK_ROWS || now - since >= AFTER_MS) this.#makeDue(shard);
      this.#lookLater();
    });
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
