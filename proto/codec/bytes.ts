/**
 * A growing byte buffer and a reader with bounds, for the hand-written codecs (events, snapshots).
 * Integers are LEB128 varints up to 2^53 - 1; strings are UTF-8 behind their length in bytes.
 */
import { asciiOf } from "./ascii.ts";

const SAFE_BYTES = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of what was written; the writer can be used again after `clear`. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** What was written, as long as nothing else is. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  uint(value: number): void {
    if (!(value >= 0) || !Number.isSafeInteger(value)) throw new RangeError(`not an unsigned integer: ${value}`);
    this.#reserve(SAFE_BYTES);
    const bytes = this.#bytes;
    let at = this.#length;
    let rest = value;
    while (rest >= 0x80000000) {
      bytes[at++] = (rest & 0x7f) | 0x80; // `&` takes the value modulo 2^32, so the low bits are right.
      rest = Math.floor(rest / 128);
    }
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#length = at;
  }

  /** A whole number from -2^30 to 2^30 - 1, small ones of either sign in few bytes. */
  int(value: number): void {
    this.uint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** Any number at all, in eight bytes. */
  float(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  string(text: string): void {
    const length = text.length;
    this.#reserve(length + 2);
    if (length < 128) {
      // Ids are ASCII: written as they are, and begun again in UTF-8 should one not be.
      const bytes = this.#bytes;
      const start = this.#length + 1;
      let at = 0;
      for (; at < length; at++) {
        const code = text.charCodeAt(at);
        if (code > 127) break;
        bytes[start + at] = code;
      }
      if (at === length) {
        bytes[start - 1] = length;
        this.#length = start + length;
        return;
      }
    }
    this.bytes(encoder.encode(text));
  }

  /** Bytes behind their length. */
  bytes(value: Uint8Array): void {
    this.uint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** The bytes are not what their reader expects: torn, flipped, or of another version. */
export class CorruptBytes extends Error {
  override readonly name = "CorruptBytes";
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  get offset(): number {
    return this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw this.corrupt("they end too early");
    this.#at++;
    return value;
  }

  uint(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let factor = 128; factor <= 2 ** 49; factor *= 128) {
      const next = this.byte();
      value += (next & 0x7f) * factor;
      if (next < 0x80) {
        if (next === 0 || value > Number.MAX_SAFE_INTEGER) break; // Every number has one form only.
        return value;
      }
    }
    throw this.corrupt("an integer is malformed");
  }

  int(): number {
    const value = this.uint();
    if (value > 0xffffffff) throw this.corrupt("an integer is out of range");
    return (value >>> 1) ^ -(value & 1);
  }

  float(): number {
    if (this.remaining < 8) throw this.corrupt("they end too early");
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  /** A count of things that take at least `bytesEach` bytes each, so that no flipped bit makes us allocate gigabytes. */
  count(bytesEach = 1): number {
    const count = this.uint();
    if (count * bytesEach > this.remaining)
      throw this.corrupt(`${count} items cannot follow in ${this.remaining} bytes`);
    return count;
  }

  string(): string {
    const length = this.count();
    const bytes = this.#bytes;
    const start = this.#at;
    this.#at += length;
    const text = asciiOf(bytes, start, this.#at);
    if (text !== undefined) return text;
    try {
      return decoder.decode(bytes.subarray(start, this.#at));
    } catch {
      throw this.corrupt("a string is not UTF-8");
    }
  }

  /** A copy, so that nothing kept holds the whole buffer. */
  bytes(): Uint8Array {
    const length = this.count();
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  /** @throws when anything is left over. */
  end(): void {
    if (this.remaining > 0) throw this.corrupt(`${this.remaining} bytes are left over`);
  }

  corrupt(why: string): CorruptBytes {
    return new CorruptBytes(`corrupt bytes at offset ${this.#at} of ${this.#bytes.length}: ${why}`);
  }
}
