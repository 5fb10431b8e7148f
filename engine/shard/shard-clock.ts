import type { Clock } from "../../platform/clock/index.ts";

/**
 * A shard's time: milliseconds since 1970 that never run backwards, also across restarts, owners and jumps of the wall clock. It begins
 * at the wall clock or at the last journaled time, whichever is later, and goes on with the monotonic clock.
 */
export class ShardClock {
  readonly #clock: Clock;
  readonly #offset: number;

  constructor(clock: Clock, lastJournaledAt: number) {
    this.#clock = clock;
    this.#offset = Math.max(clock.now(), lastJournaledAt) - clock.monotonic();
  }

  now(): number {
    return Math.floor(this.#offset + this.#clock.monotonic());
  }
}
