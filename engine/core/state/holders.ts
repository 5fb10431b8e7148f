import type { HolderId } from "../../../proto/index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { assert } from "./assert.ts";
import { hashOf } from "./hash.ts";

/** One holder's part in the showtime, with the hold clock: its holds end together, and a new hold does not wind it up. */
export interface Holder {
  readonly id: HolderId;
  readonly hash: number;
  /** Seats, not holds. */
  held: number;
  booked: number;
  /** Counts the clocks that were started; 0 before the first. */
  clock: number;
  startedAt: number;
  /** The clock runs while `now < deadline`. */
  deadline: number;
  extensions: number;
}

export const newHolder = (id: HolderId): Holder => ({
  id,
  hash: hashOf(id),
  held: 0,
  booked: 0,
  clock: 0,
  startedAt: 0,
  deadline: 0,
  extensions: 0,
});

export class Holders {
  readonly #records = new Map<HolderId, Holder>();
  /** The same records in the order in which they are swept. */
  readonly #roster: Holder[] = [];
  #cursor: number;
  /** The one found last: deciding and evolving look for the same one after the other. */
  #last: Holder | undefined;

  /** @param cursor where the sweep goes on. */
  constructor(cursor = 0) {
    this.#cursor = cursor;
  }

  get size(): number {
    return this.#roster.length;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** In the order of the sweep. */
  get roster(): readonly Holder[] {
    return this.#roster;
  }

  get(id: HolderId): Holder | undefined {
    const last = this.#last;
    if (last !== undefined && last.id === id) return last;
    const holder = this.#records.get(id);
    if (holder !== undefined) this.#last = holder;
    return holder;
  }

  add(holder: Holder): Holder {
    assert(!this.#records.has(holder.id), "a holder has one record");
    this.#records.set(holder.id, holder);
    this.#roster.push(holder);
    this.#last = holder;
    return holder;
  }

  /** Forgets who has no seats and whose clock has run out: a few records after every event, so that there is never a long pause. */
  sweep(now: number): void {
    const roster = this.#roster;
    for (let left = CORE_LIMITS.holdersSweptPerEvent; left > 0; left--) {
      if (this.#cursor >= roster.length) this.#cursor = 0;
      const holder = roster[this.#cursor];
      if (holder === undefined) return;
      if (holder.held + holder.booked > 0 || now < holder.deadline) {
        this.#cursor++;
        continue;
      }
      this.#records.delete(holder.id);
      if (this.#last === holder) this.#last = undefined;
      const final = roster.pop();
      if (final !== undefined && final !== holder) roster[this.#cursor] = final;
    }
  }
}
