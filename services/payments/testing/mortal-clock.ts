import { type Clock, systemClock } from "../../../platform/clock/index.ts";

/** A clock that can be put forward or back, and stopped as a process is that was killed; its timers run on real time. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;
  #dead = false;

  readonly now = (): number => systemClock.now() + this.#shiftMs;
  readonly monotonic = (): number => systemClock.monotonic();
  readonly endOfTurn = (callback: () => void): void => systemClock.endOfTurn(callback);
  readonly after = (ms: number, callback: () => void) =>
    systemClock.after(ms, () => {
      if (!this.#dead) callback();
    });

  shift(ms: number): void {
    this.#shiftMs += ms;
  }

  /** No timer of it rings any more. */
  die(): void {
    this.#dead = true;
  }
}
