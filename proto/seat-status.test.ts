import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checksumOf,
  packStatuses,
  rollChecksum,
  SEAT_STATUS,
  seatChange,
  seatHash,
  seatOfChange,
  statusOfChange,
  unpackStatuses,
} from "./seat-status.ts";

const status = fc.nat(3);
const hall = fc.array(status, { maxLength: 300 }).map((each) => Uint8Array.from(each));

describe("packed statuses", () => {
  it("unpack to what they were, four in each byte", () => {
    fc.assert(
      fc.property(hall, (statuses) => {
        const packed = packStatuses(statuses);
        expect(packed.length).toBe(Math.ceil(statuses.length / 4));
        expect(unpackStatuses(packed, statuses.length)).toStrictEqual(statuses);
      }),
    );
  });

  it("have the first seat in the lowest bits, and zeros past the last", () => {
    expect(packStatuses(Uint8Array.of(1, 2, 3, 0, 2))).toStrictEqual(Uint8Array.of(0b00_11_10_01, 0b10));
  });

  it("of another length than the seats need are refused", () => {
    for (const length of [0, 1, 3]) expect(() => unpackStatuses(new Uint8Array(length), 5)).toThrow(RangeError);
  });
});

describe("the checksum", () => {
  it("rolled from change to change is that of the whole hall", () => {
    const changes = fc.array(fc.tuple(fc.nat(299), status), { maxLength: 200 });
    fc.assert(
      fc.property(changes, (each) => {
        const statuses = new Uint8Array(300);
        let checksum = 0;
        for (const [seat, to] of each) {
          checksum = rollChecksum(checksum, seat, statuses[seat] ?? 0, to);
          statuses[seat] = to;
        }
        expect(checksum).toBe(checksumOf(statuses));
        expect(checksum).toBe(checksum >>> 0);
      }),
    );
  });

  it("of a hall with every seat free is 0, whatever its size", () => {
    for (const seats of [0, 1, 20_000]) expect(checksumOf(new Uint8Array(seats))).toBe(0);
  });

  it("differs when one seat does, and when two seats swap", () => {
    const hashes = new Set<number>();
    for (let seat = 0; seat < 65_536; seat++) for (let to = 1; to < 4; to++) hashes.add(seatHash(seat, to));
    expect(hashes.size).toBe(3 * 65_536);
    expect(hashes.has(0)).toBe(false);
    expect(checksumOf(Uint8Array.of(1, 2))).not.toBe(checksumOf(Uint8Array.of(2, 1)));
  });

  it("is what other implementations can be held against", () => {
    expect(seatHash(0, SEAT_STATUS.held)).toBe(0x514e28b7);
    expect(checksumOf(Uint8Array.of(0, 1, 2, 0, 3))).toBe(seatSum([1, 1], [2, 2], [4, 3]));
  });
});

const seatSum = (...seats: [number, number][]): number =>
  seats.reduce((sum, [seat, to]) => (sum + seatHash(seat, to)) % 2 ** 32, 0);

describe("a change of one seat", () => {
  it("is one number", () => {
    fc.assert(
      fc.property(fc.nat(65_535), status, (seat, to) => {
        const change = seatChange(seat, to);
        expect([seatOfChange(change), statusOfChange(change)]).toStrictEqual([seat, to]);
      }),
    );
  });
});
