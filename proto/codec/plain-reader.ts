/**
 * Reads MessagePack from a sender that is not trusted: nil, booleans, numbers, text, arrays, and maps by text. Every byte is read once and
 * nothing is allocated before the bytes for it are known to be there, so the work is bounded by the message. A general reader's extensions
 * are no such thing: one may point to what is read again, or stand for a thousand times its size.
 */
import { asciiOf } from "./ascii.ts";

/** An object in an array in an object is three. */
const DEPTH_MAX = 8;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws TypeError for anything else, and for what is left over */
export function readPlain(bytes: Uint8Array): unknown {
  const reader = new PlainReader(bytes);
  const value = reader.value(DEPTH_MAX);
  reader.end();
  return value;
}

class PlainReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): unknown {
    const type = this.#bytes[this.#skip(1)] ?? 0;
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, depth);
    if (type < 0xa0) return this.#array(type & 0x0f, depth);
    if (type < 0xc0) return this.#text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
        return this.#uint8();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0xd9:
        return this.#text(this.#uint8());
      case 0xda:
        return this.#text(this.#uint16());
      case 0xdb:
        return this.#text(this.#uint32());
      case 0xdc:
        return this.#array(this.#uint16(), depth);
      case 0xdd:
        return this.#array(this.#uint32(), depth);
      case 0xde:
        return this.#map(this.#uint16(), depth);
      case 0xdf:
        return this.#map(this.#uint32(), depth);
      default:
        throw new TypeError(`MessagePack of type 0x${type.toString(16)} may not come here`);
    }
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw new TypeError("something follows the message");
  }

  #array(length: number, depth: number): unknown[] {
    this.#require(length, depth);
    const array: unknown[] = [];
    for (let left = length; left > 0; left--) array.push(this.value(depth - 1));
    return array;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    this.#require(2 * length, depth);
    const map: Record<string, unknown> = {};
    for (let left = length; left > 0; left--) {
      const key = this.value(0);
      if (typeof key !== "string" || key === "__proto__") throw new TypeError("a key that may not come here");
      map[key] = this.value(depth - 1);
    }
    return map;
  }

  #text(length: number): string {
    const begin = this.#skip(length);
    return asciiOf(this.#bytes, begin, begin + length) ?? utf8.decode(this.#bytes.subarray(begin, begin + length));
  }

  #uint8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  #uint16(): number {
    return this.#view.getUint16(this.#skip(2));
  }

  #uint32(): number {
    return this.#view.getUint32(this.#skip(4));
  }

  /** Each element is a byte at least. */
  #require(elements: number, depth: number): void {
    if (depth === 0) throw new TypeError("nested too deep");
    if (elements > this.#bytes.length - this.#at) throw new TypeError("the message ends too early");
  }

  /** @returns where the skipped bytes begin */
  #skip(length: number): number {
    const begin = this.#at;
    if (length > this.#bytes.length - begin) throw new TypeError("the message ends too early");
    this.#at = begin + length;
    return begin;
  }
}
