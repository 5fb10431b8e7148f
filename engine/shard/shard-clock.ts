import type { Clock } from "../../platform/clock/index.ts";

/**
 * A shard's time: milliseconds since 1970 that never run backwards, also across restarts, owners and jumps of the wall clock. It begins
 * at the wall clock or at the last journaled time, whichever is later, and goes on with the monotonic clock.
 */
export class ShardClock {
  readonly #clock: Clock;
  #offset: number;

  constructor(clock: Clock, lastJournaledAt: number) {
    this.#clock = clock;
    this.#offset = Math.max(clock.now(), lastJournaledAt) - clock.monotonic();
  }

  now(): number {
    return Math.floor(this.#offset + this.#clock.monotonic());
  }

  /** How far the wall clock is ahead, milliseconds: somebody has set it forward, or the machine was asleep. */
  behindMs(): number {
    return this.#clock.now() - this.now();
  }

  skip(ms: number): void {
    this.#offset += ms;
  }
}
