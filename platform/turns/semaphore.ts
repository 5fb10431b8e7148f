export interface Bounds {
  readonly atOnce: number;
  readonly waitingMax: number;
}

/** There are as many as may wait already; nothing was done. Over HTTP, BUSY. */
export class TooManyWaiting extends Error {
  override readonly name = "TooManyWaiting";

  constructor() {
    super("Too many others want the same at once.");
  }
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

  /** @throws TooManyWaiting, at once */
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

  /** Whoever waits now begins at once, beside those who work: for an end, when each has nothing left to do but to refuse. */
  letAllIn(): void {
    for (const begin of this.#waiting.splice(0)) {
      this.#running += 1;
      begin();
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) throw new TooManyWaiting();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
