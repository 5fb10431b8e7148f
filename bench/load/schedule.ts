/** Change i is meant to begin at startAt + i / perSecond, on seat i modulo `seats`: held, the next time round free, and so on. */
import { localTime } from "./monotonic.ts";

export interface ScheduleOptions {
  /** On `monotonicNow`. */
  readonly startAt: number;
  readonly perSecond: number;
  readonly seats: number;
}

export class Schedule {
  readonly #startAt: number;
  readonly #everyMs: number;
  readonly #seats: number;

  constructor({ startAt, perSecond, seats }: ScheduleOptions) {
    this.#startAt = localTime(startAt);
    this.#everyMs = 1_000 / perSecond;
    this.#seats = seats;
  }

  /** The newest change that was meant to have begun at `now`, a time of this process; below 0 when none was. */
  changeAt(now: number): number {
    return Math.floor((now - this.#startAt) / this.#everyMs);
  }

  meantAt(change: number): number {
    return this.#startAt + change * this.#everyMs;
  }

  /** Which change made the seat what it is at `now`; below 0 when none did. */
  changeOf(seat: number, status: number, now: number): number {
    let turn = Math.floor((this.changeAt(now) - seat) / this.#seats);
    if ((turn % 2 === 0) !== (status !== 0)) turn--;
    return turn < 0 ? -1 : turn * this.#seats + seat;
  }
}
