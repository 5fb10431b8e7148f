/**
 * Reads the part of MessagePack that frames are made of, each field as the type it must have. Whatever else the bytes
 * are (a map, an extension, a float, a negative number, a length past the end) fails at that byte, and nothing is read
 * twice or allocated before the bytes for it are known to be there: the work is bounded by the frame's length.
 *
 * The first failure is kept in `failure`; from then on every read gives an empty value of its type, so that the caller
 * looks once, at the end.
 */
import { asciiOf } from "../../codec/index.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class MsgpackReader {
  failure: string | undefined = undefined;
  /** How many fields the frame has, its op among them. */
  fields = 0;
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Reads what every frame begins with: how many fields it has, and the first of them, its op. */
  begin(): number {
    this.fields = this.array("message");
    return this.uint("op");
  }

  /** Whether the next field, the one at `position`, is there: one that is absent is nil, or past the last. */
  has(position: number): boolean {
    if (position >= this.fields) return false;
    if (this.bytes[this.at] !== 0xc0) return true;
    this.at += 1;
    return false;
  }

  /** How many elements follow; never more than there are bytes for. */
  array(what: string): number {
    const type = this.byte();
    const length = type >>> 4 === 9 ? type & 15 : type === 0xdc ? this.big(2) : type === 0xdd ? this.big(4) : -1;
    if (length < 0) return this.fail(what, "an array", 0);
    if (length > this.bytes.length - this.at) return this.fail(what, "an array that ends within the message", 0);
    return length;
  }

  /** A safe integer of 0 or more, in any of the integer forms. */
  uint(what: string): number {
    const type = this.byte();
    if (type < 0x80) return type;
    const width =
      type >= 0xcc && type <= 0xcf ? 1 << (type - 0xcc) : type >= 0xd0 && type <= 0xd3 ? 1 << (type - 0xd0) : 0;
    const value = this.big(width);
    const negative = type >= 0xd0 && value >= 2 ** (8 * width - 1);
    if (width === 0 || negative || !Number.isSafeInteger(value))
      return this.fail(what, "an integer of 0 to 2^53 - 1", 0);
    return value;
  }

  string(what: string): string {
    const type = this.byte();
    const length = type >>> 5 === 5 ? type & 31 : type >= 0xd9 && type <= 0xdb ? this.big(1 << (type - 0xd9)) : -1;
    if (length < 0) return this.fail(what, "a string", "");
    if (length > this.bytes.length - this.at) return this.fail(what, "a string that ends within the message", "");
    const begin = this.at;
    this.at += length;
    const text = asciiOf(this.bytes, begin, this.at);
    if (text !== undefined) return text;
    try {
      return utf8.decode(this.bytes.subarray(begin, this.at));
    } catch {
      return this.fail(what, "a string in UTF-8", "");
    }
  }

  /** A view, not a copy. */
  binary(what: string): Uint8Array {
    const type = this.byte();
    const length = type >= 0xc4 && type <= 0xc6 ? this.big(1 << (type - 0xc4)) : -1;
    if (length < 0) return this.fail(what, "bytes", EMPTY);
    if (length > this.bytes.length - this.at) return this.fail(what, "bytes that end within the message", EMPTY);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  boolean(what: string): boolean {
    const type = this.byte();
    return type === 0xc3 || (type !== 0xc2 && this.fail(what, "true or false", false));
  }

  uints(what: string): number[] {
    const values: number[] = [];
    for (let left = this.array(what); left > 0 && this.failure === undefined; left--) values.push(this.uint(what));
    return values;
  }

  /** Says that nothing may be left. */
  end(): void {
    if (this.at < this.bytes.length) this.fail("message", "nothing after its last field", undefined);
  }

  fail<T>(what: string, expected: string, instead: T): T {
    this.failure ??= `${what} must be ${expected} (before byte ${this.at})`;
    this.at = this.bytes.length;
    return instead;
  }

  /** 0xc1, the byte that MessagePack never uses, where there is none. */
  private byte(): number {
    return this.bytes[this.at++] ?? 0xc1;
  }

  /** A big-endian number of `width` bytes; 2^64 or so is out of every bound, and so is what runs past the end. */
  private big(width: number): number {
    let value = 0;
    for (let left = width; left > 0; left--) value = value * 256 + (this.bytes[this.at++] ?? Number.NaN);
    return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
  }
}

const EMPTY = new Uint8Array(0);
