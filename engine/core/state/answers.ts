/**
 * The events that answered recent requests, by (holder, request id): the first answer is a function of its event.
 * A ring with hash chains from newer to older entries, as in LZ77 compressors: an entry is forgotten by moving
 * `#oldest` past it, and a chain ends where it leads to something that old, so nothing is ever taken out of a chain.
 */
import type { AnswerEvent, ByteReader, ByteWriter, HolderId, RequestId } from "../../../proto/index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { AnswerSlots, type Asker } from "./answer-slots.ts";
import { assert } from "./assert.ts";

const CAPACITY_MIN = 64;
/** Answers that are written to a snapshot, or read from one, in one step. */
const STEP = 4_096;
/** Entries are counted anew from here, so that they stay small integers however long a showtime lives. */
const ENTRY_MAX = 2 ** 30;

/** How many answers a table takes, as a snapshot has it. @throws CorruptBytes */
export function capacityFrom(bytes: ByteReader): number {
  const capacity = 2 ** bytes.byte();
  if (capacity > CORE_LIMITS.answersMax) throw bytes.corrupt("there is no such table of answers");
  return capacity;
}

/** By bits of the hash that do not choose the chain. */
const markOf = (hash: number): number => 1 << (hash >>> 28);

export class Answers {
  /** Entries are numbered from 1; number `n` lives in slot `n & mask`. */
  #oldest = 1;
  #next = 1;
  #slots: AnswerSlots;
  /** For each slot the hash of its request and the entry before in the same chain, side by side, as they are read. */
  #chains: Int32Array;
  /** The newest entry of each chain. */
  #heads: Int32Array;
  /**
   * A Bloom filter of sixteen bits for each chain. Most requests are new, and this little table, which stays near the processor, says so
   * where the chain itself would have to be waited for.
   */
  #marks: Uint16Array;
  /** The request hashed last: deciding and evolving hash the same one after the other. */
  #lastRid: RequestId | undefined;
  #lastSeed = 0;
  #lastHash = 0;

  constructor(capacity: number = CAPACITY_MIN) {
    this.#chains = new Int32Array(2 * capacity);
    this.#heads = new Int32Array(capacity);
    this.#marks = new Uint16Array(capacity);
    this.#slots = new AnswerSlots(capacity);
  }

  get size(): number {
    return this.#next - this.#oldest;
  }

  /** A power of two. It decides which chains an entry is in, and is part of the state therefore. */
  get capacity(): number {
    return this.#heads.length;
  }

  /** @param seed the holder's hash. */
  find(seed: number, holder: HolderId, rid: RequestId): AnswerEvent | undefined {
    const hash = this.#hash(seed, rid);
    const mask = this.#heads.length - 1;
    if (((this.#marks[hash & mask] ?? 0) & markOf(hash)) === 0) return undefined;
    let entry = this.#heads[hash & mask] ?? 0;
    for (let left = CORE_LIMITS.answersComparedMax; left > 0 && entry >= this.#oldest; left--) {
      const slot = entry & mask;
      if (this.#chains[2 * slot] === hash && this.#slots.isOf(slot, holder, rid)) return this.#slots.read(slot);
      entry = this.#chains[2 * slot + 1] ?? 0;
    }
    return undefined;
  }

  add(asker: Asker, event: AnswerEvent): void {
    this.#forget(event.at - CORE_LIMITS.answerAgeMs);
    if (this.size === this.capacity) {
      if (this.capacity < CORE_LIMITS.answersMax) this.#rebuild(this.capacity * 2);
      else this.#drop();
    }
    if (this.#next === ENTRY_MAX) this.#rebuild(this.capacity);
    this.#link(this.#hash(asker.hash, event.rid), asker.id, event);
  }

  /** For a snapshot: who asked, then the events, oldest first. Yields now and then. */
  *encode(out: ByteWriter): Generator<undefined, void> {
    const mask = this.capacity - 1;
    const numbers = new Map<HolderId, number>();
    for (let entry = this.#oldest; entry < this.#next; entry++) {
      const holder = this.#slots.holder(entry & mask);
      if (!numbers.has(holder)) numbers.set(holder, numbers.size);
    }
    out.byte(Math.log2(this.capacity));
    out.uint(numbers.size);
    for (const holder of numbers.keys()) out.string(holder);
    out.uint(this.size);
    const indexOf = (holder: HolderId): number => numbers.get(holder) ?? 0;
    let before = 0;
    for (let entry = this.#oldest; entry < this.#next; entry++) {
      if (entry % STEP === 0) yield;
      this.#slots.encode(out, entry & mask, before, indexOf);
      before = this.#slots.at(entry & mask);
    }
  }

  /** What `encode` wrote, into a table of the same capacity; nothing is too old for it. Yields now and then. @throws CorruptBytes */
  static *decode(bytes: ByteReader, askerOf: (holder: HolderId) => Asker): Generator<undefined, Answers> {
    const capacity = capacityFrom(bytes);
    const listed: Asker[] = [];
    // The cast: the ids were checked before they came into a state, and the snapshot's checksum covers them.
    for (let left = bytes.count(); left > 0; left--) listed.push(askerOf(bytes.string() as HolderId));
    const size = bytes.count(4);
    if (capacity < size) throw bytes.corrupt("the answers do not fit their table");
    const answers = new Answers(capacity);
    const askers = { listed, of: askerOf };
    const chain = (hash: number): number => answers.#chain(hash);
    let before = 0;
    for (let left = size; left > 0; left--) {
      if (left % STEP === 0) yield;
      before = answers.#slots.decode(bytes, before, askers, chain);
    }
    return answers;
  }

  /** Puts back an event, oldest first, into a table of the same capacity; nothing is too old for it. */
  restore(asker: Asker, event: AnswerEvent): void {
    assert(this.size < this.capacity, "the answers fit their table");
    this.#link(this.#hash(asker.hash, event.rid), asker.id, event);
  }

  /** Oldest first. */
  *events(): Iterable<AnswerEvent> {
    for (let entry = this.#oldest; entry < this.#next; entry++) yield this.#slots.read(entry & (this.capacity - 1));
  }

  #hash(seed: number, rid: RequestId): number {
    if (rid !== this.#lastRid || seed !== this.#lastSeed) {
      this.#lastRid = rid;
      this.#lastSeed = seed;
      this.#lastHash = this.#slots.stage(rid, seed);
    }
    return this.#lastHash;
  }

  #link(hash: number, holder: HolderId, event: AnswerEvent): void {
    this.#slots.write(this.#chain(hash), holder, event);
    this.#lastRid = undefined; // It is staged no more.
  }

  /** The slot of a new entry, at the head of its chain. */
  #chain(hash: number): number {
    const mask = this.#heads.length - 1;
    const chain = hash & mask;
    const entry = this.#next++;
    const slot = entry & mask;
    const before = this.#heads[chain] ?? 0;
    this.#chains[2 * slot] = hash;
    this.#chains[2 * slot + 1] = before;
    this.#heads[chain] = entry;
    // A chain that had ended begins anew. By arithmetic: no branch, which would be guessed wrong every third time.
    const lives = (this.#oldest - 1 - before) >> 31;
    this.#marks[chain] = ((this.#marks[chain] ?? 0) & lives) | markOf(hash);
    return slot;
  }

  /** A few at a time: faster than they come, and never a long pause. */
  #forget(before: number): void {
    for (let left = CORE_LIMITS.answersSweptPerEvent; left > 0 && this.#oldest < this.#next; left--) {
      const slot = this.#oldest & (this.#heads.length - 1);
      if (this.#slots.at(slot) >= before) return;
      this.#drop();
    }
  }

  #drop(): void {
    this.#slots.clear(this.#oldest & (this.#heads.length - 1));
    this.#oldest++;
  }

  #rebuild(capacity: number): void {
    const { size } = this;
    const first = this.#oldest;
    const [chains, slots, mask] = [this.#chains, this.#slots, this.capacity - 1];
    this.#oldest = this.#next = 1;
    this.#chains = new Int32Array(2 * capacity);
    this.#heads = new Int32Array(capacity);
    this.#marks = new Uint16Array(capacity);
    this.#slots = slots.resized(capacity);
    for (let at = 0; at < size; at++) {
      const from = (first + at) & mask;
      this.#slots.moveFrom(slots, from, this.#chain(chains[2 * from] ?? 0));
    }
  }
}
