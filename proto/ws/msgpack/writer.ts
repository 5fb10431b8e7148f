/**
 * The part of MessagePack that frames are made of (nil, booleans, unsigned integers, strings, bytes, arrays), in its
 * shortest forms. Browsers have it too, so it stands on Uint8Array alone.
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
const TEN_KIB = 10_240;
const utf8 = new TextEncoder();

export class MsgpackWriter {
  /** Frames are cut from one chunk after another, since allocating bytes costs more than writing a small frame. */
  private chunk = new Uint8Array(TEN_KIB);
  private start = 0;
  private at = 0;

  /** Begins a frame: an array of `fields` fields, the first of which is `op`. What was begun and not taken is dropped. */
  begin(fields: number, op: number): void {
    this.at = this.start;
    this.array(fields);
    this.uint(op);
  }

  /** The frame. Nobody writes to these bytes again. */
  take(): Uint8Array {
    const frame = this.chunk.subarray(this.start, this.at);
    this.start = this.at;
    return frame;
  }

  array(length: number): void {
    this.need(5);
    if (length < 16) this.chunk[this.at++] = 0x90 | length;
    else if (length < 0x1_0000) this.put16(0xdc, length);
    else this.put32(0xdd, length);
  }

  /** @throws RangeError when `value` is not a safe integer of 0 or more, which would be a defect of the caller. */
  uint(value: number): void {
    this.need(9);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${value} cannot travel as an unsigned integer`);
    if (value < 0x80) this.chunk[this.at++] = value;
    else if (value < 0x100) {
      this.chunk[this.at++] = 0xcc;
      this.chunk[this.at++] = value;
    } else if (value < 0x1_0000) this.put16(0xcd, value);
    else if (value < 0x1_0000_0000) this.put32(0xce, value);
    else {
      this.put32(0xcf, Math.floor(value / 0x1_0000_0000));
      this.raw32(value);
    }
  }

  boolean(value: boolean): void {
    this.need(1);
    this.chunk[this.at++] = value ? 0xc3 : 0xc2;
  }

  nil(): void {
    this.need(1);
    this.chunk[this.at++] = 0xc0;
  }

  string(text: string): void {
    this.need(5 + text.length * 3); // No UTF-16 unit becomes more than three bytes.
    const begin = this.at;
    if (text.length < 32 && this.ascii(text)) return;
    this.at = begin;
    const bytes = utf8.encode(text);
    if (bytes.length < 32) this.chunk[this.at++] = 0xa0 | bytes.length;
    else this.header(0xd9, bytes.length);
    this.raw(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.need(5 + bytes.length);
    this.header(0xc4, bytes.length);
    this.raw(bytes);
  }

  uints(values: readonly number[]): void {
    this.array(values.length);
    for (const value of values) this.uint(value);
  }

  /** Most strings are short ids; writing them here is quicker than calling the encoder. */
  private ascii(text: string): boolean {
    this.chunk[this.at++] = 0xa0 | text.length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return false;
      this.chunk[this.at++] = unit;
    }
    return true;
  }

  /** `first` is the type's form with an 8-bit length; those with 16 and 32 bits follow it. */
  private header(first: number, length: number): void {
    if (length < 0x100) {
      this.chunk[this.at++] = first;
      this.chunk[this.at++] = length;
    } else if (length < 0x1_0000) this.put16(first + 1, length);
    else this.put32(first + 2, length);
  }

  private put16(type: number, value: number): void {
    this.chunk[this.at++] = type;
    this.chunk[this.at++] = value >>> 8;
    this.chunk[this.at++] = value;
  }

  private put32(type: number, value: number): void {
    this.chunk[this.at++] = type;
    this.raw32(value);
  }

  /** The lowest 32 bits: the shifts cut off the rest. */
  private raw32(value: number): void {
    this.chunk[this.at++] = value >>> 24;
    this.chunk[this.at++] = value >>> 16;
    this.chunk[this.at++] = value >>> 8;
    this.chunk[this.at++] = value;
  }

  private raw(bytes: Uint8Array): void {
    this.chunk.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Room for `count` more bytes: the frame begun moves to a new chunk when this one is full. */
  private need(count: number): void {
    if (this.at + count <= this.chunk.length) return;
    const begun = this.chunk.subarray(this.start, this.at);
    this.chunk = new Uint8Array(Math.max(TEN_KIB, 2 * (begun.length + count)));
    this.chunk.set(begun);
    this.at = begun.length;
    this.start = 0;
  }
}
