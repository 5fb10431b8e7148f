import type { ByteReader, ByteWriter } from "../codec/index.ts";

/** A list of seats in its own order: the count, then each seat's distance from the one before. Neighbours take a byte each. */
export function writeSeats(out: ByteWriter, seats: readonly number[]): void {
  out.uint(seats.length);
  let before = 0;
  for (let at = 0; at < seats.length; at++) {
    const seat = seats[at] ?? 0;
    out.int(seat - before);
    before = seat;
  }
}

/** @throws CorruptBytes */
export function readSeats(bytes: ByteReader): number[] {
  const count = bytes.count();
  const seats: number[] = [];
  let seat = 0;
  for (let at = 0; at < count; at++) {
    seat += bytes.int();
    if (seat < 0) throw bytes.corrupt("a seat is negative");
    seats.push(seat);
  }
  return seats;
}
