import { Problem } from "../answers/problem.ts";

export interface Bounds {
  readonly atOnce: number;
  readonly waitingMax: number;
}

/** Lets a few work at once; the rest wait their turn, first come first served, up to a bound. For what is a burden to the whole process. */
export class Semaphore {
  readonly #atOnce: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor({ atOnce, waitingMax }: Bounds) {
    this.#atOnce = atOnce;
    this.#waitingMax = waitingMax;
  }

  get isIdle(): boolean {
    return this.#running === 0;
  }

  /** @throws Problem BUSY, at once, when too many wait already */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) await this.#wait();
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next(); // It takes over our place, so that nobody who comes now can.
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new Problem("BUSY", "Too many others want the same at once.", { retryInMs: 2_000 });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
