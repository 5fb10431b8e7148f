/**
 * The changed seats of a delta as bytes: ascending, each a varint (LEB128) of `skipped * 4 + status`, where `skipped`
 * counts the unchanged seats since the changed one before. One byte up to 31 seats away, two up to 4095, else three.
 */
import { seatOfChange } from "../../seat-status.ts";

/** `changes` are `seatChange` numbers in any order. @throws RangeError when one seat is in it twice. */
export function packChanges(changes: readonly number[]): Uint8Array {
  const packed = new Uint8Array(changes.length * 3);
  let at = 0;
  let next = 0;
  for (const change of ascending(changes)) {
    const seat = seatOfChange(change);
    if (seat < next) throw new RangeError(`seat ${seat} is in one delta twice`);
    let rest = (seat - next) * 4 + (change & 3);
    for (; rest > 0x7f; rest >>>= 7) packed[at++] = (rest & 0x7f) | 0x80;
    packed[at++] = rest;
    next = seat + 1;
  }
  return packed.subarray(0, at);
}

/** Undoes `packChanges`; undefined when the bytes are not such a list, or name a seat past `seatMax`. */
export function unpackChanges(packed: Uint8Array, seatMax: number): number[] | undefined {
  const changes: number[] = [];
  let next = 0;
  for (let at = 0; at < packed.length;) {
    let value = 0;
    let byte = 0x80;
    for (let shift = 0; byte > 0x7f; shift += 7) {
      if (shift > 14 || at === packed.length) return undefined;
      byte = packed[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
    }
    const change = next * 4 + value;
    if (seatOfChange(change) > seatMax) return undefined;
    changes.push(change);
    next = seatOfChange(change) + 1;
  }
  return changes;
}

/** A typed array sorts by number, and far quicker than an array with a compare function. */
export const ascending = (changes: readonly number[]): Uint32Array => Uint32Array.from(changes).sort();
