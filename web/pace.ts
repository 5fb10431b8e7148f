import { fullJitterMs } from "../client/index.ts";

/** While the buyer waits for something. */
const SOON_MS = 1_000;
/** Where nothing is answered, or a bank may take days. */
const LATER_BASE_MS = 2_000;
const LATER_MAX_MS = 30_000;

/** How long to wait, in milliseconds, before the server is asked once more how things stand. */
export class Pace {
  readonly #random: () => number;
  #attempt = 0;

  /** @param random in [0, 1). */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  soon(): number {
    this.#attempt = 0;
    return SOON_MS;
  }

  /** Longer each time in a row, with full jitter: thousands may wait for the same server. */
  later(notBeforeMs = 0): number {
    return notBeforeMs + fullJitterMs(this.#attempt++, LATER_BASE_MS, LATER_MAX_MS, this.#random);
  }
}
