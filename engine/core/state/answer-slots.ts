/**
 * Room for `capacity` answering events, taken apart: what holders do all the time is kept in columns, so that remembering it for ten
 * minutes keeps almost nothing for the garbage collector to carry about. Everything else is kept as it is.
 */
import type { AnswerEvent, HolderId, RequestId } from "../../../proto/index.ts";
import { assert } from "./assert.ts";

const KIND = { none: 0, whole: 1, held: 2, released: 3, extended: 4 } as const;
const NOBODY = "" as HolderId; // The casts: an empty slot is nobody's.
const NOTHING = "" as RequestId;
const NO_SEATS: readonly number[] = [];

export class AnswerSlots {
  readonly #kinds: Uint8Array;
  readonly #times: Float64Array;
  readonly #holds: Float64Array;
  readonly #deadlines: Float64Array;
  readonly #holders: HolderId[] = [];
  readonly #rids: RequestId[] = [];
  readonly #seats: (readonly number[])[] = [];
  readonly #whole = new Map<number, AnswerEvent>();

  constructor(capacity: number) {
    this.#kinds = new Uint8Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#holds = new Float64Array(capacity);
    this.#deadlines = new Float64Array(capacity);
    for (let slot = 0; slot < capacity; slot++) {
      this.#holders.push(NOBODY);
      this.#rids.push(NOTHING);
      this.#seats.push(NO_SEATS);
    }
  }

  isOf(slot: number, holder: HolderId, rid: RequestId): boolean {
    return this.#rids[slot] === rid && this.#holders[slot] === holder;
  }

  /** When the slot's event was decided, in ms since 1970. */
  at(slot: number): number {
    return this.#times[slot] ?? 0;
  }

  /** @param holder the event's own, as the string that is kept anyway. */
  write(slot: number, holder: HolderId, event: AnswerEvent): void {
    if (this.#kinds[slot] === KIND.whole) this.#whole.delete(slot);
    this.#times[slot] = event.at;
    this.#holders[slot] = holder;
    this.#rids[slot] = event.rid;
    switch (event.type) {
      case "held":
        this.#kinds[slot] = KIND.held;
        this.#holds[slot] = event.hold;
        this.#deadlines[slot] = event.deadline;
        this.#seats[slot] = event.seats;
        return;
      case "released":
        this.#kinds[slot] = KIND.released;
        this.#holds[slot] = event.hold;
        this.#seats[slot] = event.seats;
        return;
      case "extended":
        this.#kinds[slot] = KIND.extended;
        this.#holds[slot] = event.hold;
        this.#deadlines[slot] = event.deadline;
        this.#seats[slot] = NO_SEATS;
        return;
      default:
        this.#kinds[slot] = KIND.whole;
        this.#seats[slot] = NO_SEATS;
        this.#whole.set(slot, event);
    }
  }

  read(slot: number): AnswerEvent {
    const at = this.at(slot);
    const holder = this.#holders[slot] ?? NOBODY;
    const rid = this.#rids[slot] ?? NOTHING;
    const hold = this.#holds[slot] ?? 0;
    const deadline = this.#deadlines[slot] ?? 0;
    const seats = this.#seats[slot] ?? NO_SEATS;
    switch (this.#kinds[slot]) {
      case KIND.held:
        return { type: "held", at, holder, rid, hold, seats, deadline };
      case KIND.released:
        return { type: "released", at, holder, rid, hold, seats };
      case KIND.extended:
        return { type: "extended", at, holder, rid, hold, deadline };
      default: {
        const whole = this.#whole.get(slot);
        assert(whole !== undefined, "only what was written is read");
        return whole;
      }
    }
  }

  /** Lets go of what the slot kept. */
  clear(slot: number): void {
    if (this.#kinds[slot] === KIND.whole) this.#whole.delete(slot);
    this.#kinds[slot] = KIND.none;
    this.#holders[slot] = NOBODY;
    this.#rids[slot] = NOTHING;
    this.#seats[slot] = NO_SEATS;
  }
}
