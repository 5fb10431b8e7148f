import type { Hold } from "../../client/index.ts";

/** A seat that two buyers were told is theirs at the same time. */
export interface Clash {
  readonly seat: number;
  readonly holds: readonly [string, string];
}

/**
 * Watches the buyers' side for what must never happen. A buyer surely has a seat from the answer `held` until the moment
 * that it sends a release, or until the time that it was promised is over; if two sure spans of one seat overlap, the seat
 * was sold twice. All spans are on one clock, so there is no doubt about the order.
 */
export class Referee {
  readonly clashes: Clash[] = [];
  readonly #owners = new Map<number, Hold>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get seatsHeld(): number {
    return this.#owners.size;
  }

  /** Seats that somebody surely has. */
  get seats(): IterableIterator<number> {
    return this.#owners.keys();
  }

  granted(hold: Hold): void {
    for (const seat of hold.seats) {
      const owner = this.#owners.get(seat);
      if (owner !== undefined && owner.holdId !== hold.holdId && owner.expiresAt > this.#now()) {
        this.clashes.push({ seat, holds: [owner.holdId, hold.holdId] });
      }
      this.#owners.set(seat, hold);
    }
  }

  /** Before a release is sent, and after an expiry was told. */
  lettingGo(hold: Hold, seats: readonly number[] = hold.seats): void {
    for (const seat of seats) if (this.#owners.get(seat)?.holdId === hold.holdId) this.#owners.delete(seat);
  }
}
