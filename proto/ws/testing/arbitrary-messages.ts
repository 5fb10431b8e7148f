/** Every message that may be sent, for property tests. */
import fc from "fast-check";
import { BOOKING_STATUSES } from "../../booking-status.ts";
import { ERRORS, type ErrorCode } from "../../errors.ts";
import { bookingId, holderId, holdIdOf, showtimeId, type RequestId } from "../../ids.ts";
import { seatChange } from "../../seat-status.ts";
import { SEAT_MAX, SEATS_PER_REQUEST_MAX } from "../../limits.ts";
import type { ClientMessage, ServerMessage } from "../messages.ts";

const whole = fc.oneof(fc.nat(300), fc.nat(0xffff_ffff), fc.maxSafeNat());
const checksum = fc.nat(0xffff_ffff);
const seat = fc.oneof(fc.nat(200), fc.nat(SEAT_MAX));
const status = fc.nat(3);
const text = fc.string({ unit: "grapheme", maxLength: 80 });
const plainId = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const showtime = plainId.map(showtimeId);
/** Any text of 1 to 64 code points; the brand stands for just that. */
const rid = fc
  .oneof(fc.string({ unit: "binary", minLength: 1, maxLength: 64 }), plainId)
  .map((characters) => characters as RequestId);
const seats = (atLeast: number) => fc.uniqueArray(seat, { minLength: atLeast, maxLength: 40 });

/** Plain objects, as decoders make them; what is not in `required` is left out now and then, as JSON does. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }, required?: (keyof T)[]) =>
  fc.record(model, { noNullPrototype: true, ...(required && { requiredKeys: required }) });
const hold = record({ showtime, number: whole }).map((of) => holdIdOf(of.showtime, of.number));
const op = <const Name extends string>(name: Name) => fc.constant(name);

export const clientMessages: fc.Arbitrary<ClientMessage> = fc.oneof(
  record({ op: op("auth"), token: fc.string({ minLength: 1, maxLength: 300 }) }),
  record({ op: op("watch"), showtime, epoch: whole, seq: whole }, ["op", "showtime"]),
  record({ op: op("unwatch"), showtime }),
  record({ op: op("hold"), rid, showtime, seats: seats(1), accessible: fc.boolean() }, [
    "op",
    "rid",
    "showtime",
    "seats",
  ]),
  record(
    {
      op: op("hold"),
      rid,
      showtime,
      best: record(
        {
          count: fc.integer({ min: 1, max: SEATS_PER_REQUEST_MAX }),
          category: fc.string({ unit: "binary", minLength: 1, maxLength: 64 }),
          split: fc.boolean(),
        },
        ["count"],
      ),
      accessible: fc.boolean(),
    },
    ["op", "rid", "showtime", "best"],
  ),
  record({ op: op("extend"), rid, holdId: hold }),
  record({ op: op("release"), rid, holdId: hold, seats: seats(1) }, ["op", "rid", "holdId"]),
);

const codes = fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])); // The keys are the codes.
const held = record({ op: op("held"), rid, showtime, number: whole, seats: seats(0), expiresInMs: whole }).map(
  ({ number, ...rest }) => ({ ...rest, holdId: holdIdOf(rest.showtime, number) }),
);
const delta = record({
  op: op("delta"),
  showtime,
  epoch: whole,
  positions: fc.tuple(whole, whole),
  changes: fc.uniqueArray(fc.tuple(seat, status), { selector: ([of]) => of, maxLength: 60 }),
  checksum,
}).map(({ positions: [a, b], changes, ...rest }) => ({
  ...rest,
  from: Math.min(a, b),
  seq: Math.max(a, b),
  changes: changes.map(([of, to]) => seatChange(of, to)).sort((x, y) => x - y),
}));

export const serverMessages: fc.Arbitrary<ServerMessage> = fc.oneof(
  record({ op: op("welcome"), protocol: fc.constant(1 as const), heartbeatMs: whole }),
  record({ op: op("authed"), userId: plainId.map(holderId), role: text }),
  record({
    op: op("snapshot"),
    showtime,
    epoch: whole,
    seq: whole,
    statuses: fc.array(status, { maxLength: 100 }).map((each) => Uint8Array.from(each)),
    checksum,
  }),
  delta,
  held,
  record({ op: op("extended"), rid, holdId: hold, expiresInMs: whole }),
  record({ op: op("released"), rid, holdId: hold }),
  record({ op: op("error"), rid, code: codes, message: text, seats: seats(0), retryInMs: whole }, [
    "op",
    "code",
    "message",
  ]),
  record({ op: op("expired"), holdId: hold }),
  record({ op: op("booked"), holdId: hold, bookingId: plainId.map(bookingId) }),
  record(
    {
      op: op("booking"),
      bookingId: plainId.map(bookingId),
      showtime,
      status: fc.constantFrom(...BOOKING_STATUSES),
      reason: text,
    },
    ["op", "bookingId", "showtime", "status"],
  ),
  record({ op: op("reauth"), inMs: whole }),
  record({ op: op("goaway"), reconnectInMs: whole }),
);
