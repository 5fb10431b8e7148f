import type { Clock } from "../../platform/clock/index.ts";
import { PROOF_MS } from "./limits.ts";

/**
 * When PostgreSQL last said that an epoch is the newest: of one shard, or of all that a process has. Writers are fenced by the commit itself;
 * this is for answers that write nothing: an engine that was stopped for a while, or cut off, must not answer from a memory that is another's.
 */
export class Proof {
  readonly #clock: Clock;
  #provenAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param asked when the question was sent, on the monotonic clock: what came after it is not proven. */
  renew(asked: number): void {
    this.#provenAt = Math.max(this.#provenAt, asked);
  }

  get isFresh(): boolean {
    return this.ageMs <= PROOF_MS;
  }

  get ageMs(): number {
    return this.#clock.monotonic() - this.#provenAt;
  }
}
