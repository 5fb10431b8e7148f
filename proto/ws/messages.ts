/**
 * Every WebSocket message as a schema of its JSON form, and the types that the code works with.
 * Browsers import the types alone; the schemas run in the edge, and are what AsyncAPI shows.
 */
import { Type, type Static } from "typebox";
import { BOOKING_STATUSES, type BookingStatus } from "../booking-status.ts";
import { closed } from "../closed.ts";
import { ERRORS, type ErrorCode } from "../errors.ts";
import type { BookingId, HolderId, HoldId, RequestId, ShowtimeId } from "../ids.ts";
import { SEAT_MAX, SEATS_PER_REQUEST_MAX, TOKEN_LENGTH_MAX } from "../limits.ts";
import { WS_LIMITS } from "./limits.ts";

/** JSON has a negative zero, and bytes made from it would differ from those of zero. */
const whole = (maximum: number, description: string) =>
  Type.Refine(
    Type.Integer({ minimum: 0, maximum, description }),
    (value) => !Object.is(value, -0),
    () => "must not be negative zero",
  );

function areDistinct(seats: readonly number[]): boolean {
  if (seats.length > 16) return new Set(seats).size === seats.length;
  for (let at = 1; at < seats.length; at++) if (seats.lastIndexOf(seats[at] ?? -1, at - 1) >= 0) return false;
  return true;
}

const Seat = whole(SEAT_MAX, "Index of a seat in the showtime's layout.");
const SeatList = Type.Refine(
  Type.Array(Seat, { minItems: 1, maxItems: SEATS_PER_REQUEST_MAX, description: "Seats, each once." }),
  areDistinct,
  () => "must name each seat once",
);
/** The same list as the server sends it: what the engine answers is distinct already. */
const AnsweredSeats = Type.Array(Seat, { description: "Seats, each once." });
const PositionNumber = (description: string) => whole(Number.MAX_SAFE_INTEGER, description);
const Epoch = PositionNumber("Grows when the showtime gets another writer.");
const Seq = PositionNumber("Events of the showtime so far.");
const Milliseconds = (description: string) => whole(Number.MAX_SAFE_INTEGER, description);
const Checksum = whole(0xffff_ffff, "Rolling checksum of the whole hall at `seq`.");

// Each Unsafe below gives the type the brand that its pattern stands for.
const PLAIN = "^[A-Za-z0-9_-]{1,64}$";
const Rid = Type.Unsafe<RequestId>(
  Type.String({
    minLength: 1,
    maxLength: WS_LIMITS.requestIdLength,
    pattern: "^\\P{Cs}*$",
    description: "Chosen by the client, another for each request; the same one again gets the first answer again.",
  }),
);
const Showtime = Type.Unsafe<ShowtimeId>(Type.String({ pattern: PLAIN, description: "Id of a showtime." }));
const Hold = Type.Unsafe<HoldId>(Type.String({ maxLength: WS_LIMITS.holdIdLength, description: "Id of a hold." }));
/** Opaque to clients, so one that cannot be a hold's is no bad message but a hold that is not found: see `parseHoldId`. */
const AskedHold = Type.String({
  minLength: 1,
  maxLength: WS_LIMITS.holdIdLength,
  pattern: "^\\P{Cs}*$",
  description: "Id of a hold.",
});

const Auth = Type.Object(
  {
    op: Type.Literal("auth"),
    // Text that can be no token, such as none or too much, is refused as any other that is none, not as a bad message.
    token: Type.String({ description: `An access token, of up to ${TOKEN_LENGTH_MAX} characters.` }),
  },
  { ...closed, description: "Signs the connection in, or renews its sign-in." },
);
const Watch = Type.Object(
  { op: Type.Literal("watch"), showtime: Showtime, epoch: Type.Optional(Epoch), seq: Type.Optional(Seq) },
  { ...closed, description: "Shows a hall live; with `epoch` and `seq` it goes on from there where that is possible." },
);
const Unwatch = Type.Object(
  { op: Type.Literal("unwatch"), showtime: Showtime },
  { ...closed, description: "Ends a watch." },
);
const Accessible = Type.Boolean({
  description: "The buyer needs a wheelchair place, or is the companion of somebody who does.",
});
const HoldSeats = Type.Object(
  { op: Type.Literal("hold"), rid: Rid, showtime: Showtime, seats: SeatList, accessible: Type.Optional(Accessible) },
  { ...closed, description: "Holds the named seats, all or none." },
);
const HoldBest = Type.Object(
  {
    op: Type.Literal("hold"),
    rid: Rid,
    showtime: Showtime,
    best: Type.Object(
      {
        count: Type.Integer({ minimum: 1, maximum: SEATS_PER_REQUEST_MAX, description: "How many seats." }),
        category: Type.Optional(
          Type.String({ minLength: 1, maxLength: WS_LIMITS.categoryIdLength, pattern: "^\\P{Cs}*$" }),
        ),
        split: Type.Optional(Type.Boolean({ description: "Seats in more than one row will do." })),
      },
      closed,
    ),
    accessible: Type.Optional(Accessible),
  },
  { ...closed, description: "Holds the best seats available." },
);
const Extend = Type.Object(
  { op: Type.Literal("extend"), rid: Rid, holdId: AskedHold },
  { ...closed, description: "Gives a hold more time, where its clock allows." },
);
const Release = Type.Object(
  { op: Type.Literal("release"), rid: Rid, holdId: AskedHold, seats: Type.Optional(SeatList) },
  { ...closed, description: "Gives back all seats of a hold, or the named ones." },
);

export const CLIENT_SCHEMAS = { Auth, Watch, Unwatch, HoldSeats, HoldBest, Extend, Release } as const;

/** What a client sends; a `hold` has either `seats` or `best`. */
export type ClientMessage = Static<(typeof CLIENT_SCHEMAS)[keyof typeof CLIENT_SCHEMAS]>;

const Welcome = Type.Object(
  { op: Type.Literal("welcome"), protocol: Type.Literal(1), heartbeatMs: Milliseconds("The server pings this often.") },
  { description: "The first message on every connection." },
);
const Authed = Type.Object(
  { op: Type.Literal("authed"), userId: Type.Unsafe<HolderId>(Type.String({ pattern: PLAIN })), role: Type.String() },
  { description: "The connection is signed in." },
);
const Snapshot = Type.Object(
  {
    op: Type.Literal("snapshot"),
    showtime: Showtime,
    epoch: Epoch,
    seq: Seq,
    statuses: Type.String({
      pattern: "^[0-3]*$",
      description: "One digit per seat: 0 free, 1 held, 2 booked, 3 blocked.",
    }),
    checksum: Checksum,
  },
  { description: "A whole hall." },
);
const Delta = Type.Object(
  {
    op: Type.Literal("delta"),
    showtime: Showtime,
    epoch: Epoch,
    from: PositionNumber("The seq that this delta follows on; where a client has another, it watches again."),
    seq: Seq,
    seats: Type.Array(Type.Tuple([Seat, Type.Integer({ minimum: 0, maximum: 3 })]), {
      description: "[seat, status] each, a seat at most once, ascending.",
    }),
    checksum: Checksum,
  },
  { description: "What changed in a hall." },
);
const Held = Type.Object(
  {
    op: Type.Literal("held"),
    rid: Rid,
    holdId: Hold,
    showtime: Showtime,
    seats: AnsweredSeats,
    expiresInMs: Milliseconds("What the hold lives, counted from when the request was first sent."),
  },
  { description: "The seats are yours for this long." },
);
const Extended = Type.Object(
  {
    op: Type.Literal("extended"),
    rid: Rid,
    holdId: Hold,
    expiresInMs: Milliseconds("What the hold lives, counted from when the request was first sent."),
  },
  { description: "The hold has more time." },
);
const Released = Type.Object(
  { op: Type.Literal("released"), rid: Rid, holdId: Hold },
  { description: "The seats were given back." },
);
// The keys of the catalogue are its codes.
const Code = Type.Unsafe<ErrorCode>(
  Type.String({ enum: Object.keys(ERRORS), description: "See the error catalogue." }),
);
const Refused = Type.Object(
  {
    op: Type.Literal("error"),
    rid: Type.Optional(Rid),
    code: Code,
    message: Type.String({ description: "For developers; programs go by `code`." }),
    seats: Type.Optional(AnsweredSeats),
    retryInMs: Type.Optional(Milliseconds("Not sooner than this.")),
  },
  { description: "A refusal." },
);
const Expired = Type.Object(
  { op: Type.Literal("expired"), holdId: Hold },
  { description: "To the holder: the hold ran out of time." },
);
const Booked = Type.Object(
  { op: Type.Literal("booked"), holdId: Hold, bookingId: Type.Unsafe<BookingId>(Type.String({ pattern: PLAIN })) },
  { description: "To the holder: the hold became a booking." },
);
const Booking = Type.Object(
  {
    op: Type.Literal("booking"),
    bookingId: Type.Unsafe<BookingId>(Type.String({ pattern: PLAIN })),
    showtime: Showtime,
    status: Type.Unsafe<BookingStatus>(Type.String({ enum: [...BOOKING_STATUSES] })),
    reason: Type.Optional(Type.String({ description: "Why it is in that status, for people." })),
  },
  { description: "To the buyer: what has become of a booking." },
);
const Reauth = Type.Object(
  { op: Type.Literal("reauth"), inMs: Milliseconds("When the token ends.") },
  { description: "Send `auth` with a new token, or the connection may soon only watch." },
);
const Goaway = Type.Object(
  { op: Type.Literal("goaway"), reconnectInMs: Milliseconds("Reconnect after this long.") },
  { description: "The server is about to shut down." },
);

export const SERVER_SCHEMAS = {
  Welcome,
  Authed,
  Snapshot,
  Delta,
  Held,
  Extended,
  Released,
  Refused,
  Expired,
  Booked,
  Booking,
  Reauth,
  Goaway,
} as const;

/** The JSON form of a server message, as it travels. */
type ServerJson = Static<(typeof SERVER_SCHEMAS)[keyof typeof SERVER_SCHEMAS]>;

/** A snapshot in memory: `statuses` holds one byte per seat, its `SeatStatus`. */
export interface SnapshotMessage extends Omit<Static<typeof Snapshot>, "statuses"> {
  readonly statuses: Uint8Array;
}

/** A delta in memory: `changes` holds one `seatChange` per seat, each seat at most once; a decoder gives them ascending. */
export interface DeltaMessage extends Omit<Static<typeof Delta>, "seats"> {
  readonly changes: readonly number[];
}

/** What a server sends, as encoders take it and decoders give it: the same for both encodings. */
export type ServerMessage = Exclude<ServerJson, { op: "snapshot" | "delta" }> | SnapshotMessage | DeltaMessage;

export type ServerOp = ServerMessage["op"];
