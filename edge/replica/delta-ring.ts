import { type Delta, seatOfChange } from "../../proto/index.ts";
import { LIMITS } from "../limits.ts";

/** The latest commits of one showtime, one following on the other, for viewers who come back: more of them the larger its hall. */
export class DeltaRing {
  readonly #deltas: Delta[] = [];
  #changes = 0;
  /** Seats that a viewer is told of at most, before the whole hall is smaller. */
  #seatsMax = 0;
  #deltasMax = 0;
  #changesMax = 0;

  /** Begins anew, with a hall of so many seats. */
  clear(seats: number): void {
    this.#deltas.length = 0;
    this.#changes = 0;
    this.#seatsMax = Math.max(LIMITS.resumeSeats, seats * LIMITS.resumeShare);
    this.#deltasMax = Math.min(LIMITS.ringDeltasMax, LIMITS.ringTimesResumed * this.#seatsMax);
    this.#changesMax = Math.min(LIMITS.ringChangesMax, LIMITS.ringTimesResumed * this.#seatsMax);
  }

  /** `delta` follows on the one before it. */
  push(delta: Delta): void {
    this.#deltas.push(delta);
    this.#changes += delta.changes.length;
    while (this.#deltas.length > this.#deltasMax || this.#changes > this.#changesMax) {
      this.#changes -= this.#deltas.shift()?.changes.length ?? 0;
    }
  }

  /** The seats that changed after `from` and up to `to`, or undefined when that is not known, or they are too many; both are seqs at commits. */
  seatsChanged(from: number, to: number): Set<number> | undefined {
    const seats = new Set<number>();
    if (from === to) return seats;
    const first = this.#indexFollowing(from);
    if (this.#deltas[first]?.from !== from) return undefined;
    for (let at = first; at < this.#deltas.length; at++) {
      const delta = this.#deltas[at] as Delta; // `at` is within the list.
      for (const change of delta.changes) seats.add(seatOfChange(change));
      if (seats.size > this.#seatsMax) return undefined;
      if (delta.seq === to) return seats;
    }
    return undefined;
  }

  #indexFollowing(seq: number): number {
    let low = 0;
    let high = this.#deltas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#deltas[middle]?.from ?? seq) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
