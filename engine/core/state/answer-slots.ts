/**
 * Room for `capacity` answering events, taken apart: what holders do all the time is kept as numbers, so that remembering it for ten
 * minutes keeps nothing for the garbage collector to carry about. Everything else is kept as it is.
 */
import {
  type AnswerEvent,
  type ByteReader,
  type ByteWriter,
  decodeEvent,
  encodeEvent,
  fnv1aStep,
  type HolderId,
  type RequestId,
} from "../../../proto/index.ts";
import { assert } from "./assert.ts";
import { finished } from "./hash.ts";
import { NumberRing } from "./number-ring.ts";

const KIND = { none: 0, whole: 1, held: 2, released: 3, extended: 4 } as const;
const NOBODY = "" as HolderId; // The casts: an empty slot is nobody's.
const NO_SEATS: readonly number[] = [];

/** Columns of instants and hold numbers, side by side as they are read and written. */
const AT = 0;
const HOLD = 1;
const DEADLINE = 2;
const WIDE = 3;
/** Columns of small numbers: where the request id lies in the ring, how long it is, how many seats lie behind it. */
const KIND_OF = 0;
const PLACE = 1;
const LENGTH = 2;
const SEATS = 3;
const NARROW = 4;

/** Who asked: a `Holder`, or one who has no record. */
export interface Asker {
  readonly id: HolderId;
  /** `hashOf` the id. */
  readonly hash: number;
}

/** Where a snapshot's answers find those who asked. */
interface AnswerSource {
  /** By the numbers that stand for them. */
  readonly listed: readonly Asker[];
  of(holder: HolderId): Asker;
}

export class AnswerSlots {
  readonly #wide: Float64Array;
  readonly #narrow: Int32Array;
  readonly #holders: HolderId[] = [];
  readonly #whole = new Map<number, AnswerEvent>();
  readonly #ring: NumberRing;

  constructor(capacity: number, ring = new NumberRing()) {
    this.#wide = new Float64Array(WIDE * capacity);
    this.#narrow = new Int32Array(NARROW * capacity);
    for (let slot = 0; slot < capacity; slot++) this.#holders.push(NOBODY);
    this.#ring = ring;
  }

  /** More room for the same: `moveFrom` brings it over. */
  resized(capacity: number): AnswerSlots {
    return new AnswerSlots(capacity, this.#ring);
  }

  moveFrom(before: AnswerSlots, from: number, slot: number): void {
    for (let at = 0; at < WIDE; at++) this.#wide[WIDE * slot + at] = before.#wide[WIDE * from + at] ?? 0;
    for (let at = 0; at < NARROW; at++) this.#narrow[NARROW * slot + at] = before.#narrow[NARROW * from + at] ?? 0;
    this.#holders[slot] = before.#holders[from] ?? NOBODY;
    const whole = before.#whole.get(from);
    if (whole !== undefined) this.#whole.set(slot, whole);
  }

  isOf(slot: number, holder: HolderId, rid: RequestId): boolean {
    const place = this.#small(slot, PLACE);
    if (this.#small(slot, LENGTH) !== rid.length || this.#holders[slot] !== holder) return false;
    for (let at = 0; at < rid.length; at++) if (this.#ring.get(place, at) !== rid.charCodeAt(at)) return false;
    return true;
  }

  /** When the slot's event was decided, in ms since 1970. */
  at(slot: number): number {
    return this.#wide[WIDE * slot + AT] ?? 0;
  }

  holder(slot: number): HolderId {
    return this.#holders[slot] ?? NOBODY;
  }

  /** `hashOf` the request id, which is written down on the way for the `write` that may follow. */
  stage(rid: RequestId, seed: number): number {
    return this.#ring.stage(rid, seed);
  }

  /**
   * Into an empty slot, the event whose request id was staged last.
   * @param holder the event's own, as the string that is kept anyway.
   */
  write(slot: number, holder: HolderId, event: AnswerEvent): void {
    const narrow = NARROW * slot;
    this.#wide[WIDE * slot + AT] = event.at;
    this.#holders[slot] = holder;
    this.#narrow[narrow + PLACE] = this.#ring.end;
    this.#narrow[narrow + LENGTH] = event.rid.length;
    this.#ring.keep(event.rid.length);
    switch (event.type) {
      case "held":
        return this.#writeHold(slot, KIND.held, event.hold, event.deadline, event.seats);
      case "released":
        return this.#writeHold(slot, KIND.released, event.hold, 0, event.seats);
      case "extended":
        return this.#writeHold(slot, KIND.extended, event.hold, event.deadline, NO_SEATS);
      default:
        this.#writeHold(slot, KIND.whole, 0, 0, NO_SEATS);
        this.#whole.set(slot, event);
    }
  }

  #writeHold(slot: number, kind: number, hold: number, deadline: number, seats: readonly number[]): void {
    this.#ring.append(seats);
    this.#wide[WIDE * slot + HOLD] = hold;
    this.#wide[WIDE * slot + DEADLINE] = deadline;
    this.#narrow[NARROW * slot + KIND_OF] = kind;
    this.#narrow[NARROW * slot + SEATS] = seats.length;
  }

  read(slot: number): AnswerEvent {
    const at = this.at(slot);
    const holder = this.holder(slot);
    const hold = this.#wide[WIDE * slot + HOLD] ?? 0;
    const deadline = this.#wide[WIDE * slot + DEADLINE] ?? 0;
    switch (this.#small(slot, KIND_OF)) {
      case KIND.held:
        return { type: "held", at, holder, rid: this.#rid(slot), hold, seats: this.#seats(slot), deadline };
      case KIND.released:
        return { type: "released", at, holder, rid: this.#rid(slot), hold, seats: this.#seats(slot) };
      case KIND.extended:
        return { type: "extended", at, holder, rid: this.#rid(slot), hold, deadline };
      default: {
        const whole = this.#whole.get(slot);
        assert(whole !== undefined, "only what was written is read");
        return whole;
      }
    }
  }

  /**
   * For a snapshot, as `decode` reads it: what is kept as numbers is written as numbers, so that reading it makes no object.
   * @param before when the event before it was decided
   */
  encode(out: ByteWriter, slot: number, before: number, indexOf: (holder: HolderId) => number): void {
    const kind = this.#small(slot, KIND_OF);
    out.byte(kind);
    if (kind === KIND.whole) return encodeEvent(out, this.read(slot));
    out.uint(indexOf(this.holder(slot)));
    out.uint(this.at(slot) - before);
    out.uint(this.#wide[WIDE * slot + HOLD] ?? 0);
    if (kind !== KIND.released) out.uint(this.#wide[WIDE * slot + DEADLINE] ?? 0);
    let place = this.#small(slot, PLACE);
    for (const column of [LENGTH, SEATS]) {
      const length = this.#small(slot, column);
      out.uint(length);
      for (let at = 0; at < length; at++) out.uint(this.#ring.get(place + at, 0));
      place += length;
    }
  }

  /**
   * The next event that was written, into the slot that `chain` gives for the hash of its request.
   * @returns when it was decided
   * @throws CorruptBytes
   */
  decode(bytes: ByteReader, before: number, askers: AnswerSource, chain: (hash: number) => number): number {
    const kind = bytes.byte();
    if (kind === KIND.whole) {
      const event = decodeEvent(bytes);
      if (!("rid" in event)) throw bytes.corrupt("nobody asked for an answer");
      const { id, hash } = askers.of(event.holder);
      this.write(chain(this.stage(event.rid, hash)), id, event);
      return event.at;
    }
    if (kind !== KIND.held && kind !== KIND.released && kind !== KIND.extended)
      throw bytes.corrupt(`no answer is of kind ${kind}`);
    const asker = askers.listed[bytes.uint()];
    if (asker === undefined) throw bytes.corrupt("an answer is nobody's");
    const at = before + bytes.uint();
    const hold = bytes.uint();
    const deadline = kind === KIND.released ? 0 : bytes.uint();
    const place = this.#ring.end;
    const length = bytes.count();
    let hash = asker.hash;
    for (let left = length; left > 0; left--) hash = fnv1aStep(hash, this.#decodeNumber(bytes));
    const seats = bytes.count();
    for (let left = seats; left > 0; left--) this.#decodeNumber(bytes);
    const slot = chain(finished(hash));
    this.#wide[WIDE * slot + AT] = at;
    this.#wide[WIDE * slot + HOLD] = hold;
    this.#wide[WIDE * slot + DEADLINE] = deadline;
    this.#narrow[NARROW * slot + KIND_OF] = kind;
    this.#narrow[NARROW * slot + PLACE] = place;
    this.#narrow[NARROW * slot + LENGTH] = length;
    this.#narrow[NARROW * slot + SEATS] = seats;
    this.#holders[slot] = asker.id;
    return at;
  }

  #decodeNumber(bytes: ByteReader): number {
    const number = bytes.uint();
    if (number > 0xffff) throw bytes.corrupt("a number of an answer is out of range");
    this.#ring.push(number);
    return number;
  }

  /** Lets go of what the slot kept, which is the oldest. */
  clear(slot: number): void {
    if (this.#small(slot, KIND_OF) === KIND.whole) this.#whole.delete(slot);
    this.#ring.drop(this.#small(slot, LENGTH) + this.#small(slot, SEATS));
    this.#narrow[NARROW * slot + KIND_OF] = KIND.none;
    this.#holders[slot] = NOBODY;
  }

  #small(slot: number, column: number): number {
    return this.#narrow[NARROW * slot + column] ?? 0;
  }

  /** The cast: the characters are those of the request id that was written. */
  #rid(slot: number): RequestId {
    const place = this.#small(slot, PLACE);
    let rid = "";
    for (let at = 0; at < this.#small(slot, LENGTH); at++) rid += String.fromCharCode(this.#ring.get(place, at));
    return rid as RequestId;
  }

  #seats(slot: number): number[] {
    const place = this.#small(slot, PLACE) + this.#small(slot, LENGTH);
    const seats: number[] = [];
    for (let at = 0; at < this.#small(slot, SEATS); at++) seats.push(this.#ring.get(place, at));
    return seats;
  }
}
