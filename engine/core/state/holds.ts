import type { BookingId } from "../../../proto/index.ts";
import { assert } from "./assert.ts";
import type { Holder } from "./holders.ts";

export interface Hold {
  readonly number: number;
  readonly holder: Holder;
  seats: readonly number[];
  /** The holder's clock that it runs on. A hold on an earlier clock than the present one is over. */
  readonly clock: number;
  /** The booking it is pinned for; it then runs to `payBy` whatever the clock says. */
  booking: BookingId | undefined;
  payBy: number;
  /** The next one in the same bucket of `Holds`. */
  next: Hold | undefined;
}

/** When the hold ends; 0 when it runs on a clock that is over. */
export function deadlineOfHold(hold: Hold): number {
  if (hold.booking !== undefined) return hold.payBy;
  return hold.clock === hold.holder.clock ? hold.holder.deadline : 0;
}

export const isLive = (hold: Hold, now: number): boolean => now < deadlineOfHold(hold);

const BUCKETS_MIN = 64;

/**
 * Holds by number. Numbers rise by one, so their last bits are a perfect hash; chained buckets keep a hold that comes and goes
 * free of allocations, where a `Map` builds itself anew every few.
 */
export class Holds {
  #buckets: (Hold | undefined)[] = emptyBuckets(BUCKETS_MIN);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(number: number): Hold | undefined {
    let hold = this.#buckets[number & (this.#buckets.length - 1)];
    while (hold !== undefined && hold.number !== number) hold = hold.next;
    return hold;
  }

  add(hold: Hold): void {
    if (this.#size === this.#buckets.length) this.#grow();
    this.#size++;
    this.#link(hold);
  }

  delete(hold: Hold): void {
    const at = hold.number & (this.#buckets.length - 1);
    const first = this.#buckets[at];
    if (first === hold) {
      this.#buckets[at] = hold.next;
    } else {
      let before = first;
      while (before !== undefined && before.next !== hold) before = before.next;
      assert(before !== undefined, "a hold is deleted once");
      before.next = hold.next;
    }
    hold.next = undefined;
    this.#size--;
  }

  /** In no order. */
  *values(): Iterable<Hold> {
    for (const first of this.#buckets) {
      for (let hold = first; hold !== undefined; hold = hold.next) yield hold;
    }
  }

  /** Oldest first. */
  inOrder(): readonly Hold[] {
    return [...this.values()].sort((a, b) => a.number - b.number);
  }

  #link(hold: Hold): void {
    const at = hold.number & (this.#buckets.length - 1);
    hold.next = this.#buckets[at];
    this.#buckets[at] = hold;
  }

  #grow(): void {
    const holds = [...this.values()];
    this.#buckets = emptyBuckets(this.#buckets.length * 2);
    for (const hold of holds) this.#link(hold);
  }
}

/** Filled one by one: an array made by its length alone would have holes, and slower reads. */
function emptyBuckets(count: number): undefined[] {
  const buckets: undefined[] = [];
  for (let at = 0; at < count; at++) buckets.push(undefined);
  return buckets;
}
