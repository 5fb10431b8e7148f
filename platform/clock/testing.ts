import type { Clock, Timer } from "./clock.ts";
import { systemClock } from "./system-clock.ts";

/** The system's clock, that a test can put forward or back; its timers run on real time. */
export class ShiftedClock implements Clock {
  #wallAheadMs = 0;
  #monotonicAheadMs = 0;
  #stoodStillAt: { readonly now: number; readonly monotonic: number } | undefined;

  now(): number {
    return (this.#stoodStillAt?.now ?? systemClock.now()) + this.#wallAheadMs;
  }

  monotonic(): number {
    return (this.#stoodStillAt?.monotonic ?? systemClock.monotonic()) + this.#monotonicAheadMs;
  }

  after(ms: number, callback: () => void): Timer {
    return systemClock.after(ms, callback);
  }

  endOfTurn(callback: () => void): void {
    systemClock.endOfTurn(callback);
  }

  /** So much time has gone by, though no timer has rung. */
  goForward(ms: number): void {
    this.#wallAheadMs += ms;
    this.#monotonicAheadMs += ms;
  }

  /** The wall clock alone is set, forward or back, as by somebody's hand. */
  shift(ms: number): void {
    this.#wallAheadMs += ms;
  }

  /** Time goes by until that instant; to one that is over the wall clock is set back. */
  setTo(instant: number): void {
    const ms = instant - this.now();
    if (ms > 0) this.goForward(ms);
    else this.shift(ms);
  }

  /** From now on it goes only where it is put, though its timers ring: a machine that hesitates changes nothing. */
  standStill(): void {
    // In whole milliseconds: what is added and taken away again must leave nothing.
    this.#stoodStillAt = { now: systemClock.now(), monotonic: Math.ceil(systemClock.monotonic()) };
  }
}
