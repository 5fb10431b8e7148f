/** What a shard does by the clock: holds run out, showtimes that are over are archived, and a wall clock that was set forward is caught up with. */
import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { ARCHIVE_EVERY_MS, BEHIND_MAX_MS, EXPIRY_EVERY_MS, HELD_UP_MS, WALL_CLOCK_EVERY_MS } from "./limits.ts";
import { clockRowAfter, type Memory } from "./memory.ts";
import type { ShardClock } from "./shard-clock.ts";

interface Options {
  readonly shard: number;
  readonly memory: Memory;
  readonly time: ShardClock;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long the commit under way has been so far. */
  readonly commitMs: () => number;
  /** Something could not be done, so memory may be wrong. */
  onFailure(error: unknown): void;
}

export class Housekeeping {
  readonly #options: Options;
  /** On the shard's clock. */
  #tookOverAt: number;
  /** The same: since when commits are held up. */
  #heldUpAt: number | undefined;
  #wakeAt = Infinity;
  #wakeTimer: Timer | undefined;
  #archiveTimer: Timer | undefined;
  #wallClockTimer: Timer | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#tookOverAt = options.time.now();
  }

  /** Again after `stop`, too. */
  start(): void {
    this.#heldUpAt = undefined;
    this.#wakeForWhatIsDue();
    this.#archive();
    this.#lookAtWallClock(false);
  }

  stop(): void {
    this.#wakeTimer?.cancel();
    this.#wakeAt = Infinity;
    this.#archiveTimer?.cancel();
    this.#wallClockTimer?.cancel();
  }

  /** A hold may run out then, on the shard's clock. */
  wakeBy(at: number): void {
    const { memory, time } = this.#options;
    if (at >= this.#wakeAt || !memory.hasRunningClocks) return;
    const now = time.now();
    const wakeAt = Math.max(Math.min(at, clockRowAfter(now)), now + EXPIRY_EVERY_MS);
    if (wakeAt >= this.#wakeAt) return;
    this.#wakeTimer?.cancel();
    this.#wakeAt = wakeAt;
    this.#wakeTimer = this.#after(wakeAt - now, () => this.#wake());
  }

  /** Whether a hold may look run out only because nothing is committed, so that its time may yet be given back. */
  isHeldUp(now: number): boolean {
    const { memory, commitMs } = this.#options;
    return commitMs() > HELD_UP_MS && memory.nextDeadline <= now;
  }

  /** Commits are no longer held up: time that was lost is given back, in the row that is written next. */
  settle(now: number): void {
    if (this.#heldUpAt === undefined) return;
    this.#options.memory.giveBack(now - this.#heldUpAt, now);
    this.#heldUpAt = undefined;
  }

  /** The way to the shard is open only now: the time since it took over does not count against holds either. */
  reachable(): void {
    const { memory, time } = this.#options;
    const now = time.now();
    memory.giveBack(now - this.#tookOverAt, now);
    this.#tookOverAt = now;
  }

  #wake(): void {
    const { memory, time } = this.#options;
    const now = time.now();
    // The whole process stood still, and nobody was served.
    if (now - this.#wakeAt > HELD_UP_MS) this.#isHeldUpSince(this.#wakeAt);
    this.#wakeAt = Infinity;
    this.#expire(now);
    memory.keepClock(now);
    this.#wakeForWhatIsDue();
  }

  /** While nothing is committed, as where PostgreSQL is away, holders are not served: no hold runs out then, and that time is given back. */
  #expire(now: number): void {
    const { memory, commitMs } = this.#options;
    const heldUpMs = Math.floor(commitMs()) - HELD_UP_MS; // What is given back is journaled in whole milliseconds.
    if (heldUpMs > 0) {
      this.#isHeldUpSince(now - heldUpMs);
      return;
    }
    this.settle(now);
    memory.expire(now);
  }

  /** Where no clock runs nobody wakes at its end, and it would be given to whoever comes much later. */
  #isHeldUpSince(at: number): void {
    if (this.#options.memory.hasRunningClocks) this.#heldUpAt ??= at;
  }

  /** A clock may run on though nothing is held: its rows are due all the same. */
  #wakeForWhatIsDue(): void {
    const { memory } = this.#options;
    this.wakeBy(Math.min(memory.nextDeadline, memory.clockRowDueAt));
  }

  #archive(): void {
    const { memory, time } = this.#options;
    memory.archive(time.now());
    this.#archiveTimer = this.#after(ARCHIVE_EVERY_MS, () => this.#archive());
  }

  /** A wall clock that stays ahead is caught up with, so that sales begin and end when they should; holds keep what was left to them. */
  #lookAtWallClock(wasAhead: boolean): void {
    const { shard, memory, time, log } = this.#options;
    const behindMs = time.behindMs();
    const isAhead = behindMs > BEHIND_MAX_MS;
    if (isAhead && wasAhead) {
      log.info({ shard, ms: behindMs }, "the wall clock was set forward, or the machine slept");
      time.skip(behindMs);
      this.#tookOverAt += behindMs;
      this.#wakeAt += behindMs;
      if (this.#heldUpAt !== undefined) this.#heldUpAt += behindMs;
      memory.giveBack(behindMs, time.now());
    }
    this.#wallClockTimer = this.#after(WALL_CLOCK_EVERY_MS, () => this.#lookAtWallClock(isAhead));
  }

  /** Nobody else would hear of what a timer throws, and the process would end with all other shards. */
  #after(ms: number, work: () => void): Timer {
    return this.#options.clock.after(ms, () => {
      try {
        work();
      } catch (error) {
        this.#options.onFailure(error);
      }
    });
  }
}
