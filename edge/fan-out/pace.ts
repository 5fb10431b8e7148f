import { LIMITS } from "../limits.ts";

/** The newest measurement's weight against all before it. */
const NEWEST = 0.3;

/** How far apart ticks should be, from what the last ones cost: frames to many viewers come less often, not late. */
export class Pace {
  #costMs = 0;

  /** @param costMs how long the loop was busy with one tick's frames. */
  measured(costMs: number): void {
    this.#costMs += (costMs - this.#costMs) * NEWEST;
  }

  get tickMs(): number {
    return Math.min(LIMITS.tickMaxMs, Math.max(LIMITS.tickMinMs, this.#costMs / LIMITS.fanOutShare));
  }
}
