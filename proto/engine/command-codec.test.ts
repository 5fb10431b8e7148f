import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { plainCodec } from "../subject.ts";
import { buyersBatchCodec, sellersBatchCodec } from "./command-codec.ts";
import { bytesLike } from "./testing.ts";

const asked = { showtime: "st-1", holder: "ann", rid: "r1" };
const plan = {
  row: new Uint16Array(2),
  x: new Int16Array(2),
  y: new Int16Array(2),
  category: new Uint8Array(2),
  flags: new Uint8Array(2),
  categories: [{ id: "a", focalX: 0, focalY: 0 }],
};
const rules = {
  salesStartAt: 0,
  salesEndAt: 1,
  showEndsAt: 2,
  orphan: "none",
  accessibleRelease: { when: "before-end", ms: 5 },
  version: 3,
};

const BUYERS = [
  { type: "hold", ...asked, seats: [1, 2], accessible: false, desk: true },
  { type: "hold-best", ...asked, count: 2, category: "stalls", split: true },
  { type: "extend", ...asked, hold: "st-1.1" },
  { type: "release", ...asked, hold: "st-1.1", seats: [1] },
  { type: "view", showtime: "st-1" },
  { type: "view", showtime: "st-1", recent: true },
  { type: "get-hold", showtime: "st-1", holder: "ann", hold: "st-1.1" },
];
const SELLERS = [
  { type: "open", ...asked, plan, rules },
  { type: "amend", ...asked, rules },
  { type: "close", ...asked },
  { type: "pin", ...asked, hold: "st-1.1", booking: "b1" },
  { type: "confirm", ...asked, hold: "st-1.1", booking: "b1", seats: [1], reacquire: false },
  { type: "cancel", ...asked, booking: "b1" },
  { type: "block", ...asked, seats: [1] },
  { type: "unblock", ...asked, seats: [1] },
];

const plain = plainCodec<unknown>();
const batchOf = (...requests: unknown[]): Uint8Array => plain.encode({ requests });

describe("a batch of commands", () => {
  it.each(BUYERS)("of a buyer may hold a $type", (request) => {
    for (const codec of [buyersBatchCodec, sellersBatchCodec])
      expect(codec.decode(batchOf(request))).toEqual({ requests: [request] });
  });

  it.each(SELLERS)("of a service alone may hold a $type", (request) => {
    expect(sellersBatchCodec.decode(batchOf(request))).toEqual({ requests: [request] });
    expect(() => buyersBatchCodec.decode(batchOf(request))).toThrow("may not come here");
  });

  it("leaves out what was left out, although MessagePack sends nothing as nil", () => {
    const request = { type: "hold-best", ...asked, count: 1, category: undefined };
    const [read] = buyersBatchCodec.decode(batchOf(request)).requests;
    expect(read).not.toHaveProperty("category");
  });

  it("is dropped whole when one request has a field of another type, or none", () => {
    for (const request of [...BUYERS, ...SELLERS]) {
      for (const field of Object.keys(request)) {
        for (const wrong of [{}, 7n, "", [{}], Symbol.iterator.toString().repeat(20)]) {
          const spoilt = { ...request, [field]: wrong };
          if (field === "seats" && wrong === "") continue;
          expect(() => sellersBatchCodec.decode(batchOf(BUYERS[0], spoilt)), JSON.stringify(spoilt, String)).toThrow();
        }
      }
    }
    for (const wrong of [null, 1, "x", [], {}, { requests: 1 }, { requests: [null] }, { requests: [[]] }])
      expect(() => sellersBatchCodec.decode(plain.encode(wrong))).toThrow();
    expect(() => sellersBatchCodec.decode(batchOf({ type: "__proto__" }))).toThrow();
    expect(() => sellersBatchCodec.decode(batchOf({ type: "constructor" }))).toThrow();
  });

  it("asks for no more than a client's message may: 10 views, or 240 of anything else", () => {
    const [hold, view] = [BUYERS[0], BUYERS[4]];
    const of = (request: unknown, count: number): Uint8Array => batchOf(...Array<unknown>(count).fill(request));
    for (const codec of [buyersBatchCodec, sellersBatchCodec]) {
      expect(codec.decode(of(hold, 240)).requests).toHaveLength(240);
      expect(codec.decode(of(view, 10)).requests).toHaveLength(10);
      expect(() => codec.decode(of(hold, 241))).toThrow("asks for too much");
      expect(() => codec.decode(of(view, 11))).toThrow("asks for too much");
    }
    const seats = (count: number): Uint8Array =>
      batchOf({ ...hold, seats: Array.from({ length: count }, (_, at) => at) });
    expect(buyersBatchCodec.decode(seats(2_048)).requests).toHaveLength(1);
    expect(() => buyersBatchCodec.decode(seats(2_049))).toThrow("seats cannot be right");
  });

  it("of a buyer has no extension, by which a message could ask for a thousand times its size", () => {
    const [hold] = BUYERS;
    const moreTypes = new Packr({ moreTypes: true, structuredClone: true });
    const seats = Array.from({ length: 100 }, (_, at) => at);
    // The second hold is a reference to the seats of the first.
    const cloned = moreTypes.pack({
      requests: [
        { ...hold, seats },
        { ...hold, seats },
      ],
    });
    const bundled = new Packr({ bundleStrings: true }).pack({ requests: [hold] });
    const records = new Packr({ useRecords: true }).pack({ requests: [hold] });
    const typed = plain.encode({ requests: [{ ...hold, seats: new Uint8Array(3) }] });
    for (const bytes of [cloned, bundled, records, typed])
      expect(() => buyersBatchCodec.decode(bytes)).toThrow(/may not come here/);
  });

  it("is a batch or an error, whatever bytes come", () => {
    fc.assert(
      fc.property(bytesLike(batchOf(...BUYERS, ...SELLERS)), (some) => {
        try {
          for (const { type } of buyersBatchCodec.decode(some).requests)
            expect(BUYERS.some((one) => one.type === type)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
