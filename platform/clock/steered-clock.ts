import type { Clock, Timer } from "./clock.ts";

/** Clocks that are no further apart are taken for the same. */
const APART_MS = 1_000;

/** The machine's clock, with a wall clock that goes by one which all processes share, should the machine's own be wrong. */
export class SteeredClock implements Clock {
  readonly #own: Clock;
  #aheadMs = 0;

  constructor(own: Clock) {
    this.#own = own;
  }

  now(): number {
    return this.#own.now() - this.#aheadMs;
  }

  monotonic(): number {
    return this.#own.monotonic();
  }

  after(ms: number, callback: () => void): Timer {
    return this.#own.after(ms, callback);
  }

  endOfTurn(callback: () => void): void {
    this.#own.endOfTurn(callback);
  }

  /** How far the machine's clock is ahead of the shared one, milliseconds; 0 when it is right. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /**
   * @param shared what the shared clock said, milliseconds since 1970
   * @param asked when it was asked, on the monotonic clock: it said so at some time since
   * @returns whether the machine's clock is another bit ahead than was known
   */
  steer(shared: number, asked: number): boolean {
    const halfWay = (this.monotonic() - asked) / 2;
    const aheadMs = this.#own.now() - (shared + halfWay);
    const apartMs = APART_MS + halfWay;
    const isRightAgain = this.#aheadMs !== 0 && Math.abs(aheadMs) <= apartMs / 2;
    if (!isRightAgain && Math.abs(aheadMs - this.#aheadMs) <= apartMs) return false;
    this.#aheadMs = Math.abs(aheadMs) <= apartMs ? 0 : Math.round(aheadMs);
    return true;
  }
}
