import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainCodec } from "../subject.ts";
import { deltaCodec, repliesCodec } from "./reply-codec.ts";
import { bytesLike } from "./testing.ts";

const delta = { showtime: "st-1", epoch: 1, from: 4, seq: 5, changes: [5, 6], checksum: 7 };

const REPLIES = [
  { type: "held", hold: "st-1.1", seats: [1, 2], expiresInMs: 300_000 },
  { type: "extended", hold: "st-1.1", expiresInMs: 300_000 },
  { type: "released", hold: "st-1.1" },
  { type: "pinned", hold: "st-1.1", booking: "b1", seats: [1], expiresInMs: 5 },
  { type: "confirmed", booking: "b1", seats: [1], reacquired: false },
  { type: "cancelled", booking: "b1", seats: [] },
  { type: "done" },
  { type: "view", epoch: 1, seq: 5, statuses: Uint8Array.of(0, 1, 2), checksum: 0xffff_ffff },
  { type: "view", epoch: 1, seq: 5, statuses: Uint8Array.of(0, 1, 2), checksum: 0xffff_ffff, recent: [delta] },
  { type: "hold", hold: "st-1.1", seats: [1], expiresInMs: 5, booking: "b1" },
  { type: "refused", code: "SEAT_TAKEN", message: "", seats: [1], retryInMs: 5 },
  { type: "refused", code: "A_NEWER_ENGINES", message: "Of what an older reader does not know." },
];

const plain = plainCodec<unknown>();
const batchOf = (...replies: unknown[]): Uint8Array => plain.encode({ replies });
/** Values of no field's type. */
const WRONG = [{}, 7n, [{}], [null]];

describe("a batch of replies", () => {
  it.each(REPLIES)("may hold a $type", (reply) => {
    const [read] = repliesCodec.decode(batchOf(reply)).replies;
    expect(plain.encode(read)).toEqual(plain.encode(reply));
  });

  it("says to nobody's question how many shards there are", () => {
    expect(repliesCodec.decode(plain.encode({ replies: [], shards: 64 }))).toEqual({ replies: [], shards: 64 });
  });

  it("leaves out what was left out, although MessagePack sends nothing as nil", () => {
    const reply = { type: "refused", code: "BUSY", message: "", seats: undefined, retryInMs: undefined };
    const [read] = repliesCodec.decode(batchOf(reply)).replies;
    expect(read).toEqual({ type: "refused", code: "BUSY", message: "" });
    expect(read).not.toHaveProperty("seats");
  });

  it("is dropped whole when one reply has a field of another type, or none, or is of no known type", () => {
    for (const reply of REPLIES) {
      for (const field of Object.keys(reply)) {
        for (const wrong of WRONG) {
          const spoilt = { ...reply, [field]: wrong };
          expect(() => repliesCodec.decode(batchOf(REPLIES[0], spoilt)), JSON.stringify(spoilt, String)).toThrow();
        }
      }
    }
    for (const wrong of [null, 1, "x", [], {}, { replies: 1 }, { replies: [null] }, { replies: [[]] }])
      expect(() => repliesCodec.decode(plain.encode(wrong))).toThrow();
    for (const type of ["__proto__", "constructor", "", 1]) {
      expect(() => repliesCodec.decode(batchOf({ type }))).toThrow("may not come here");
    }
    expect(() => repliesCodec.decode(plain.encode({ replies: [], shards: "64" }))).toThrow("shards");
  });

  it("is a batch or an error, whatever bytes come", () => {
    fc.assert(
      fc.property(bytesLike(batchOf(...REPLIES)), (some) => {
        try {
          for (const { type } of repliesCodec.decode(some).replies)
            expect(REPLIES.some((one) => one.type === type)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

it("a delta is one, or is dropped", () => {
  expect(deltaCodec.decode(plain.encode(delta))).toEqual(delta);
  for (const field of Object.keys(delta)) {
    for (const wrong of WRONG)
      expect(() => deltaCodec.decode(plain.encode({ ...delta, [field]: wrong }))).toThrow("something else");
  }
  for (const wrong of [null, 1, [], "x"]) expect(() => deltaCodec.decode(plain.encode(wrong))).toThrow();
});
