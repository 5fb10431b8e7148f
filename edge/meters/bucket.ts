/** A steady rate with a burst on top, in milliseconds: what one message costs, and how much may be owed at once. */
export interface Rate {
  readonly costMs: number;
  readonly burstMs: number;
}

/** `perSecond` messages a second; two seconds' worth of them may come at once. */
export const rateOf = (perSecond: number): Rate => ({ costMs: 1000 / perSecond, burstMs: 2000 });

/**
 * A token bucket in one number (the generic cell rate algorithm, ITU-T I.371): when it will be full again. It needs no
 * timer, and one that was never used costs as much as one that was.
 */
export class Bucket {
  #fullAt = 0;

  /** How long until one more message fits, 0 when it fits now. Takes nothing. */
  waitMs(rate: Rate, now: number): number {
    return Math.max(0, Math.max(this.#fullAt, now) + rate.costMs - now - rate.burstMs);
  }

  take(rate: Rate, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + rate.costMs;
  }

  /** For what turned out to cost as much as so many messages, at most as a full bucket: it is owed where there is not as much. */
  takeMore(rate: Rate, now: number, messages: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + Math.min(messages * rate.costMs, rate.burstMs);
  }

  /** How long until no more is owed than a full bucket holds. */
  owedMs(rate: Rate, now: number): number {
    return Math.max(0, this.#fullAt - now - rate.burstMs);
  }

  isFull(now: number): boolean {
    return this.#fullAt <= now;
  }
}
