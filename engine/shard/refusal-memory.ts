import type { Clock } from "../../platform/clock/index.ts";
import { type ErrorCode, fnv1a, type HolderId, type Refusal, type RequestId } from "../../proto/index.ts";
import { CORE_LIMITS, NumberRing } from "../core/index.ts";

interface Options {
  readonly clock: Clock;
  readonly max: { readonly refusals: number; readonly seats: number; readonly ageMs: number };
  /** The number of the first entry; a test does not wait until they are many. */
  readonly first?: number;
}

/** Refusals that are over, looked for with each new one: sooner than they come, and never many at once. */
const SWEPT = 4;
const CAPACITY_MIN = 64;
/** Entries are counted anew from here, so that they stay small integers. */
export const ENTRY_MAX = 2 ** 30;
const SEAT_MAX = 0xffff;

/**
 * Columns of numbers, side by side as they are read: of which reign it is, its hash, the entry before it in the same chain, where its request id
 * lies in the ring, how long that is, and how many seats lie behind it.
 */
const REIGN = 0;
const HASH = 1;
const BEFORE = 2;
const PLACE = 3;
const LENGTH = 4;
const SEATS = 5;
const COLUMNS = 6;
/** A refusal that names no seats, not even none. */
const NO_SEATS = -1;

/**
 * The first answer to requests that were refused, for all shards of a process together: one for each could be filled shard by shard. Refusals
 * change nothing, so they are not journaled: they are remembered for one reign, from a shard's claim until it is lost, and a request that is
 * repeated to the next owner is decided anew. Oldest out first, by age, by number, and by the seats that they name: a refusal may name as many as
 * a message holds.
 *
 * At a premiere most requests are refused. So they are kept as numbers, in a ring with hash chains as `Answers` of the core is one: kept as
 * objects, each of them would be carried about by the garbage collector for longer than it took to decide it.
 */
export class RefusalMemory {
  readonly #options: Options;
  /** Entries are numbered from 1; number `n` lives in slot `n & (capacity - 1)`. */
  #oldest: number;
  #next: number;
  #numbers = new Int32Array(COLUMNS * CAPACITY_MIN);
  /** On the monotonic clock. */
  #at = new Float64Array(CAPACITY_MIN);
  /** The newest entry of each chain. */
  #heads = new Int32Array(CAPACITY_MIN);
  /** Codes, most messages and most ids are there anyway. */
  readonly #holders: (HolderId | undefined)[] = [];
  readonly #codes: ErrorCode[] = [];
  readonly #messages: string[] = [];
  readonly #ring = new NumberRing();
  #seats = 0;
  #reigns = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#oldest = this.#next = options.first ?? 1;
  }

  newReign(): number {
    return ++this.#reigns;
  }

  recall(reign: number, holder: HolderId, rid: RequestId): Refusal | undefined {
    const hash = this.#ring.stage(rid, seedOf(reign, holder));
    const mask = this.#heads.length - 1;
    let entry = this.#heads[hash & mask] ?? 0;
    for (let left = CORE_LIMITS.answersComparedMax; left > 0 && entry >= this.#oldest; left--) {
      const slot = entry & mask;
      if (this.#number(slot, HASH) === hash && this.#isOf(slot, reign, holder, rid)) return this.#read(slot);
      entry = this.#number(slot, BEFORE);
    }
    return undefined;
  }

  /** One that names what no hall could have as a seat is not: decided anew, it is refused again. */
  remember(reign: number, holder: HolderId, rid: RequestId, { code, message, seats }: Refusal): void {
    const { clock, max } = this.#options;
    if (seats?.some((seat) => !(seat >= 0 && seat <= SEAT_MAX && Number.isInteger(seat))) === true) return;
    this.#makeRoom();
    const at = clock.monotonic();
    const slot = this.#link(this.#ring.stage(rid, seedOf(reign, holder)));
    const first = COLUMNS * slot;
    this.#numbers[first + REIGN] = reign;
    this.#numbers[first + PLACE] = this.#ring.end;
    this.#numbers[first + LENGTH] = rid.length;
    this.#numbers[first + SEATS] = seats?.length ?? NO_SEATS;
    this.#ring.keep(rid.length);
    if (seats !== undefined) this.#ring.append(seats);
    this.#at[slot] = at;
    this.#holders[slot] = holder;
    this.#codes[slot] = code;
    this.#messages[slot] = message;
    this.#seats += seats?.length ?? 0;
    while (this.#size > max.refusals || this.#seats > max.seats) this.#dropOldest();
    for (let left = SWEPT; left > 0 && this.#isOver(at - max.ageMs); left--) this.#dropOldest();
  }

  get #size(): number {
    return this.#next - this.#oldest;
  }

  /** Whether the oldest is from before then. */
  #isOver(before: number): boolean {
    return this.#size > 0 && (this.#at[this.#oldest & (this.#heads.length - 1)] ?? 0) < before;
  }

  /** The slot of a new entry, at the head of its chain. */
  #link(hash: number): number {
    const mask = this.#heads.length - 1;
    const entry = this.#next++;
    const slot = entry & mask;
    this.#numbers[COLUMNS * slot + HASH] = hash;
    this.#numbers[COLUMNS * slot + BEFORE] = this.#heads[hash & mask] ?? 0;
    this.#heads[hash & mask] = entry;
    return slot;
  }

  #isOf(slot: number, reign: number, holder: HolderId, rid: RequestId): boolean {
    if (this.#number(slot, REIGN) !== reign || this.#holders[slot] !== holder) return false;
    if (this.#number(slot, LENGTH) !== rid.length) return false;
    const place = this.#number(slot, PLACE);
    for (let at = 0; at < rid.length; at++) if (this.#ring.get(place, at) !== rid.charCodeAt(at)) return false;
    return true;
  }

  #read(slot: number): Refusal {
    const [code, message = ""] = [this.#codes[slot] ?? "INTERNAL", this.#messages[slot]];
    const count = this.#number(slot, SEATS);
    if (count === NO_SEATS) return { type: "refused", code, message };
    const place = this.#number(slot, PLACE) + this.#number(slot, LENGTH);
    const seats: number[] = [];
    for (let at = 0; at < count; at++) seats.push(this.#ring.get(place, at));
    return { type: "refused", code, message, seats };
  }

  #number(slot: number, column: number): number {
    return this.#numbers[COLUMNS * slot + column] ?? 0;
  }

  #dropOldest(): void {
    const slot = this.#oldest++ & (this.#heads.length - 1);
    const seats = Math.max(0, this.#number(slot, SEATS));
    this.#ring.drop(this.#number(slot, LENGTH) + seats);
    this.#seats -= seats;
    this.#holders[slot] = undefined;
  }

  /** For one more. */
  #makeRoom(): void {
    const capacity = this.#heads.length;
    if (this.#size === capacity) {
      if (capacity < this.#options.max.refusals) this.#rebuild(2 * capacity);
      else this.#dropOldest();
    }
    if (this.#next >= ENTRY_MAX) this.#rebuild(this.#heads.length);
  }

  /** All are numbered anew. */
  #rebuild(capacity: number): void {
    const [numbers, times, mask] = [this.#numbers, this.#at, this.#heads.length - 1];
    const [holders, codes, messages] = [this.#holders.slice(), this.#codes.slice(), this.#messages.slice()];
    const [first, size] = [this.#oldest, this.#size];
    this.#numbers = new Int32Array(COLUMNS * capacity);
    this.#at = new Float64Array(capacity);
    this.#heads = new Int32Array(capacity);
    this.#oldest = this.#next = 1;
    for (let at = 0; at < size; at++) {
      const from = (first + at) & mask;
      const slot = this.#link(numbers[COLUMNS * from + HASH] ?? 0);
      for (const column of [REIGN, PLACE, LENGTH, SEATS])
        this.#numbers[COLUMNS * slot + column] = numbers[COLUMNS * from + column] ?? 0;
      this.#at[slot] = times[from] ?? 0;
      this.#holders[slot] = holders[from];
      this.#codes[slot] = codes[from] ?? "INTERNAL";
      this.#messages[slot] = messages[from] ?? "";
    }
  }
}

const seedOf = (reign: number, holder: HolderId): number => fnv1a(holder) ^ reign;
