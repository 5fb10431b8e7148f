import type { Clock, Timer } from "./clock.ts";

interface Alarm {
  readonly due: number;
  readonly callback: () => void;
}

/** Past this many turns at one instant, something keeps waking itself. */
const TURNS_MAX = 1_000_000;

/**
 * A clock that stands still until it is told to go on, for tests and for simulations of whole clusters in one thread.
 * The same calls give the same order every time: timers by due time, then by age; between two of them, and between two
 * ends of turn, every promise that can settle has settled.
 */
export class VirtualClock implements Clock {
  #elapsed = 0;
  #epoch: number;
  /** Latest first, so that the next one is taken from the end. */
  readonly #alarms: Alarm[] = [];
  #turnEnds: (() => void)[] = [];

  /** @param startsAt what `now` says at first, milliseconds since 1970. */
  constructor(startsAt = Date.UTC(2026, 0, 1)) {
    this.#epoch = startsAt;
  }

  /** Whole milliseconds, as `Date.now()` has it; what passed may have fractions. */
  now(): number {
    return this.#epoch + Math.floor(this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, callback: () => void): Timer {
    const alarm: Alarm = { due: this.#elapsed + Math.max(0, ms), callback };
    this.#alarms.splice(this.#placeOf(alarm.due), 0, alarm);
    return {
      cancel: () => {
        const place = this.#alarms.indexOf(alarm);
        if (place >= 0) this.#alarms.splice(place, 1);
      },
    };
  }

  endOfTurn(callback: () => void): void {
    this.#turnEnds.push(callback);
  }

  /** Lets `ms` go by: everything that falls due happens, each at its own instant. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await this.settle();
    for (let next = this.#alarms.at(-1); next !== undefined && next.due <= until; next = this.#alarms.at(-1)) {
      this.#alarms.pop();
      this.#elapsed = next.due;
      next.callback();
      await this.settle();
    }
    this.#elapsed = until;
  }

  /** Lets everything happen that needs no time to pass. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      await promisesSettled();
      const callback = this.#turnEnds.shift();
      if (callback === undefined) return;
      callback();
    }
    throw new Error(`the virtual clock did not settle in ${TURNS_MAX} turns: something keeps waking itself`);
  }

  /** Somebody sets the wall clock: `now` leaps by `ms`, back if negative, while `monotonic` and the timers go on. */
  setForward(ms: number): void {
    this.#epoch += ms;
  }

  /** Before all that are due earlier or, being older, at the same time. */
  #placeOf(due: number): number {
    let low = 0;
    let high = this.#alarms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#alarms[middle]?.due ?? 0) > due) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A real turn of the loop: Node runs every ready promise before the next one begins. */
const promisesSettled = (): Promise<void> => new Promise((done) => void setImmediate(done));
