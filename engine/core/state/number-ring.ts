import { fnv1aStep } from "../../../proto/index.ts";
import { assert } from "./assert.ts";
import { finished } from "./hash.ts";

const ROOM_MIN = 512;

/**
 * Lists of 16-bit numbers in one array, first in, first out: what is let go of is written over, so that none of it is ever the garbage
 * collector's. A list's place stays the same when the ring grows: it counts all numbers that ever came, modulo 2^32.
 */
export class NumberRing {
  #numbers = new Uint16Array(ROOM_MIN);
  #first = 0;
  /** Where the next list begins. */
  #end = 0;

  get end(): number {
    return this.#end;
  }

  /** The `at`-th number of the list that begins at `place`. */
  get(place: number, at: number): number {
    return this.#numbers[(place + at) & (this.#numbers.length - 1)] ?? 0;
  }

  /**
   * Writes the text behind the end, where `keep` makes it stay, and answers its hash as `hashOf` does: to read the characters is most
   * of what either costs.
   */
  stage(text: string, seed: number): number {
    const { length } = text;
    this.#reserve(length);
    const numbers = this.#numbers;
    const mask = numbers.length - 1;
    const end = this.#end;
    let hash = seed;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      numbers[(end + at) & mask] = code;
      hash = fnv1aStep(hash, code);
    }
    return finished(hash);
  }

  append(list: readonly number[]): void {
    this.#reserve(list.length);
    const numbers = this.#numbers;
    const mask = numbers.length - 1;
    const end = this.#end;
    for (let at = 0; at < list.length; at++) {
      const number = list[at] ?? 0;
      assert(number <= 0xffff, "a list is of 16-bit numbers");
      numbers[(end + at) & mask] = number;
    }
    this.keep(list.length);
  }

  push(number: number): void {
    this.#reserve(1);
    this.#numbers[this.#end & (this.#numbers.length - 1)] = number;
    this.keep(1);
  }

  keep(count: number): void {
    this.#end = (this.#end + count) | 0;
  }

  /** Lets go of the oldest `count` numbers. */
  drop(count: number): void {
    assert(count <= ((this.#end - this.#first) | 0), "only what was kept is dropped");
    this.#first = (this.#first + count) | 0;
  }

  #reserve(count: number): void {
    const before = this.#numbers;
    const used = (this.#end - this.#first) | 0;
    if (used + count <= before.length) return;
    const after = new Uint16Array(2 ** Math.ceil(Math.log2(used + count)));
    for (let at = 0; at < used; at++) {
      const place = this.#first + at;
      after[place & (after.length - 1)] = before[place & (before.length - 1)] ?? 0;
    }
    this.#numbers = after;
  }
}
