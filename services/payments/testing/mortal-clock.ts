import type { Timer } from "../../../platform/clock/index.ts";
import { ShiftedClock } from "../../../platform/clock/testing.ts";

/** A clock that stops as that of a killed process does. */
export class MortalClock extends ShiftedClock {
  #dead = false;

  override after(ms: number, callback: () => void): Timer {
    return super.after(ms, () => {
      if (!this.#dead) callback();
    });
  }

  /** No timer of it rings any more. */
  die(): void {
    this.#dead = true;
  }
}
