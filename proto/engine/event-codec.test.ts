import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, CorruptBytes } from "../codec/index.ts";
import { decodeEvent, encodeEvent } from "./event-codec.ts";
import type { Event } from "./events.ts";

const whole = fc.maxSafeNat();
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const seats = fc.array(fc.nat(65_535), { maxLength: 20 });
const asked = { holder: id, rid: fc.string({ unit: "grapheme", minLength: 1, maxLength: 64 }), at: whole };
const rules = fc.record({
  salesStartAt: whole,
  salesEndAt: whole,
  showEndsAt: fc.option(whole, { nil: undefined }),
  version: fc.option(whole, { nil: undefined }),
  orphan: fc.constantFrom("none", "lenient", "strict"),
  accessibleRelease: fc.oneof(
    fc.record({ when: fc.constantFrom("always", "never") }),
    fc.record({ when: fc.constant("before-end"), ms: whole }),
  ),
});
const limits = fc.record({
  holdTtlMs: whole,
  holdMaxMs: whole,
  paymentTtlMs: whole,
  maxSeatsPerHolder: whole,
  maxExtensions: whole,
});
const plan = fc.nat(30).chain((length) => {
  const column = { minLength: length, maxLength: length };
  return fc.record({
    row: fc.uint16Array(column),
    x: fc.int16Array(column),
    y: fc.int16Array(column),
    category: fc.uint8Array(column),
    flags: fc.uint8Array(column),
    categories: fc.array(fc.record({ id, focalX: fc.double({ noNaN: true }), focalY: fc.double({ noNaN: true }) }), {
      maxLength: 4,
    }),
  });
});
const of = <T extends string>(type: T, fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record({ type: fc.constant(type), ...fields });

// The cast: the fields above are those of the type, with ids that have no brand.
const events = fc.oneof(
  of("opened", { ...asked, plan, rules, limits }),
  of("amended", { ...asked, rules }),
  of("limited", { at: whole, limits }),
  of("closed", asked),
  of("held", { ...asked, hold: whole, seats, deadline: whole }),
  of("extended", { ...asked, hold: whole, deadline: whole }),
  of("released", { ...asked, hold: whole, seats }),
  of("pinned", { ...asked, hold: whole, booking: id, seats, deadline: whole }),
  of("confirmed", { ...asked, hold: whole, booking: id, seats }),
  of("confirmed", { ...asked, booking: id, seats }),
  of("cancelled", { ...asked, hold: whole, booking: id, seats }),
  of("cancelled", { ...asked, booking: id, seats }),
  of("blocked", { ...asked, seats }),
  of("unblocked", { ...asked, seats }),
  of("expired", { at: whole, holder: id, hold: whole, seats }),
  of("resumed", { at: whole, pausedMs: whole }),
  of("archived", { at: whole }),
) as fc.Arbitrary<Event>;

const bytesOf = (event: Event): Uint8Array => {
  const out = new ByteWriter();
  encodeEvent(out, event);
  return out.finish();
};

test("every event reads as it was written", () => {
  fc.assert(
    fc.property(events, (event) => {
      const bytes = new ByteReader(bytesOf(event));
      expect(decodeEvent(bytes)).toEqual(event);
      bytes.end();
    }),
    { numRuns: 2_000 },
  );
});

test("a hold of three neighbours takes fewer than 24 bytes beside its ids", () => {
  const held = {
    type: "held",
    at: 1.8e12,
    holder: "",
    rid: "",
    hold: 1000,
    seats: [100, 101, 102],
    deadline: 1.8e12,
  } as unknown as Event;
  expect(bytesOf(held).length).toBeLessThan(24);
});

test("damaged bytes give an event or a clear error", () => {
  fc.assert(
    fc.property(events, fc.nat(), fc.nat(255), fc.option(fc.nat(100)), (event, at, value, length) => {
      const bytes = bytesOf(event);
      bytes[at % bytes.length] = value;
      try {
        decodeEvent(new ByteReader(bytes.subarray(0, length ?? bytes.length)));
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptBytes);
      }
    }),
    { numRuns: 3_000 },
  );
});
