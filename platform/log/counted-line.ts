import type { Clock } from "../clock/index.ts";

/** A line for what may happen by the thousand: one in so long is written, with how many it stands for. */
export class CountedLine {
  readonly #clock: Clock;
  readonly #everyMs: number;
  #count = 0;
  #toldAt = -Infinity;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** It has happened once more. @param write is called if a line is due, with how often it has happened since the last */
  add(write: (count: number) => void): void {
    this.#count++;
    const now = this.#clock.monotonic();
    if (now - this.#toldAt < this.#everyMs) return;
    write(this.#count);
    this.#count = 0;
    this.#toldAt = now;
  }
}
