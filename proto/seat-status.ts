/**
 * What a viewer sees of a seat, its packing at 2 bits a seat, and the rolling checksum over a hall.
 * The checksum is a sum modulo 2^32, so one changed seat costs one subtraction and one addition whatever the hall's size.
 */
export const SEAT_STATUS = { free: 0, held: 1, booked: 2, blocked: 3 } as const;
export type SeatStatus = (typeof SEAT_STATUS)[keyof typeof SEAT_STATUS];

/** One seat's share of the checksum: 0 when free, else the finalizer of MurmurHash3 over `seat * 4 + status`. */
export function seatHash(seat: number, status: number): number {
  if (status === SEAT_STATUS.free) return 0;
  let h = (seat * 4 + status) | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

/** The checksum after one seat went from `before` to `after`; an unsigned 32-bit integer. */
export const rollChecksum = (checksum: number, seat: number, before: number, after: number): number =>
  (checksum - seatHash(seat, before) + seatHash(seat, after)) >>> 0;

/** The checksum of a whole hall, one status (0..3) a byte. */
export function checksumOf(statuses: Uint8Array): number {
  let sum = 0;
  for (let seat = 0; seat < statuses.length; seat++) sum = (sum + seatHash(seat, statuses[seat] ?? 0)) >>> 0;
  return sum;
}

/** Four seats in each byte, the first in the lowest bits; the last byte is padded with zeros. */
export function packStatuses(statuses: Uint8Array): Uint8Array {
  const packed = new Uint8Array((statuses.length + 3) >> 2);
  for (let seat = 0; seat < statuses.length; seat++) {
    const at = seat >> 2;
    packed[at] = (packed[at] ?? 0) | ((statuses[seat] ?? 0) << ((seat & 3) * 2));
  }
  return packed;
}

/** Undoes `packStatuses`. @throws RangeError when `packed` is not exactly as long as `seatCount` seats need. */
export function unpackStatuses(packed: Uint8Array, seatCount: number): Uint8Array {
  if (packed.length !== (seatCount + 3) >> 2) {
    throw new RangeError(`${packed.length} bytes cannot be the statuses of ${seatCount} seats`);
  }
  const statuses = new Uint8Array(seatCount);
  for (let seat = 0; seat < seatCount; seat++) statuses[seat] = ((packed[seat >> 2] ?? 0) >> ((seat & 3) * 2)) & 3;
  return statuses;
}

/** A change of one seat in one number: `seat * 4 + status`. */
export const seatChange = (seat: number, status: number): number => seat * 4 + status;
export const seatOfChange = (change: number): number => change >>> 2;
export const statusOfChange = (change: number): SeatStatus => (change & 3) as SeatStatus;
