/**
 * Decodes what servers send, without the schemas, so that browsers stay small. Fields that this version does not know
 * are skipped, since a newer server may send them; an op that it does not know is refused by name.
 */
import { isErrorCode } from "../errors.ts";
import { BOOKING_STATUSES } from "../booking-status.ts";
import type { BookingId, HolderId, HoldId, RequestId, ShowtimeId } from "../ids.ts";
import { SEAT_MAX } from "../limits.ts";
import { seatChange, unpackStatuses } from "../seat-status.ts";
import { unpackChanges } from "./msgpack/change-bytes.ts";
import { undecodable, type Decoded } from "./decoded.ts";
import { JsonReader } from "./json-reader.ts";
import type { DeltaMessage, ServerMessage, ServerOp, SnapshotMessage } from "./messages.ts";
import { MsgpackReader } from "./msgpack/reader.ts";
import { OP } from "./op.ts";

export function decodeServerJson(text: string): Decoded<ServerMessage> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undecodable("the message is not JSON");
  }
  if (typeof value !== "object" || value === null) return undecodable("a message is an object with an op");
  const reader = new JsonReader(value);
  const op = reader.string("op");
  return answer(
    reader,
    op === "snapshot" ? jsonSnapshot(reader) : op === "delta" ? jsonDelta(reader) : read(op, reader),
  );
}

export function decodeServerMsgpack(bytes: Uint8Array): Decoded<ServerMessage> {
  const reader = new MsgpackReader(bytes);
  const op = reader.begin();
  if (op === OP.snapshot) return answer(reader, msgpackSnapshot(reader));
  if (op === OP.delta) return answer(reader, msgpackDelta(reader));
  return answer(reader, read(OP_NAMES.get(op) ?? String(op), reader));
}

const OP_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(OP).map(([name, number]) => [number, name]));

function answer(reader: Source, message: ServerMessage | undefined): Decoded<ServerMessage> {
  if (reader.failure === undefined) {
    return message === undefined ? { ...undecodable("the op is unknown"), isUnknown: true } : { ok: true, message };
  }
  const rid = message !== undefined && "rid" in message && message.rid !== "" ? message.rid : undefined;
  return undecodable(reader.failure, rid);
}

/** What both readers can do: msgpack goes by the order of the calls, JSON by the names. */
interface Source {
  readonly failure: string | undefined;
  has(position: number, what: string): boolean;
  string(what: string): string;
  uint(what: string): number;
  uints(what: string): number[];
  fail<T>(what: string, expected: string, instead: T): T;
}

/** Every message that is the same in both encodings but for the names. The calls are in the order of msgpack's fields. */
function read(op: string, from: Source): ServerMessage | undefined {
  switch (op as Exclude<ServerOp, "snapshot" | "delta">) {
    case "welcome": {
      const protocol = from.uint("protocol");
      const heartbeatMs = from.uint("heartbeatMs");
      return { op: "welcome", protocol: protocol === 1 ? 1 : from.fail("protocol", "1", 1), heartbeatMs };
    }
    case "authed":
      return { op: "authed", userId: holderOf(from.string("userId")), role: from.string("role") };
    case "held": {
      const rid = ridOf(from.string("rid"));
      const holdId = holdOf(from.string("holdId"));
      // A hold id begins with its showtime's, so msgpack does not send that again.
      const showtime = showtimeOf(holdId.slice(0, Math.max(0, holdId.indexOf("."))));
      const seats = from.uints("seats");
      return { op: "held", rid, holdId, showtime, seats, expiresInMs: from.uint("expiresInMs") };
    }
    case "extended":
      return {
        op: "extended",
        rid: ridOf(from.string("rid")),
        holdId: holdOf(from.string("holdId")),
        expiresInMs: from.uint("expiresInMs"),
      };
    case "released":
      return { op: "released", rid: ridOf(from.string("rid")), holdId: holdOf(from.string("holdId")) };
    case "error": {
      const rid = from.has(1, "rid") ? { rid: ridOf(from.string("rid")) } : {};
      const code = from.string("code");
      return {
        op: "error",
        ...rid,
        code: isErrorCode(code) ? code : "INTERNAL", // A newer server's: its message says what it means.
        message: from.string("message"),
        ...(from.has(4, "seats") && { seats: from.uints("seats") }),
        ...(from.has(5, "retryInMs") && { retryInMs: from.uint("retryInMs") }),
      };
    }
    case "expired":
      return { op: "expired", holdId: holdOf(from.string("holdId")) };
    case "booked":
      return { op: "booked", holdId: holdOf(from.string("holdId")), bookingId: bookingOf(from.string("bookingId")) };
    case "booking": {
      const bookingId = bookingOf(from.string("bookingId"));
      const showtime = showtimeOf(from.string("showtime"));
      const text = from.string("status");
      const status =
        BOOKING_STATUSES.find((known) => known === text) ?? from.fail("status", "one of a booking", "failed");
      return {
        op: "booking",
        bookingId,
        showtime,
        status,
        ...(from.has(4, "reason") && { reason: from.string("reason") }),
      };
    }
    case "reauth":
      return { op: "reauth", inMs: from.uint("inMs") };
    case "goaway":
      return { op: "goaway", reconnectInMs: from.uint("reconnectInMs") };
    default:
      return undefined;
  }
}

/** Ids are what the server says they are, since clients only hand them back: that is what the casts below rest on. */
const showtimeOf = (text: string): ShowtimeId => text as ShowtimeId;
const holdOf = (text: string): HoldId => text as HoldId;
const ridOf = (text: string): RequestId => text as RequestId;
const holderOf = (text: string): HolderId => text as HolderId;
const bookingOf = (text: string): BookingId => text as BookingId;

function jsonSnapshot(from: JsonReader): SnapshotMessage {
  const digits = from.string("statuses");
  if (!/^[0-3]*$/.test(digits)) from.fail("statuses", "digits of 0 to 3", undefined);
  const statuses = new Uint8Array(digits.length);
  for (let seat = 0; seat < digits.length; seat++) statuses[seat] = digits.charCodeAt(seat) & 3;
  return { op: "snapshot", ...position(from), statuses, checksum: from.uint("checksum") };
}

function jsonDelta(from: JsonReader): DeltaMessage {
  const place = position(from);
  const before = from.uint("from");
  if (before > place.seq) from.fail("from", "no more than seq", undefined);
  const changes: number[] = [];
  for (const pair of from.array("seats")) {
    const [seat, status] = Array.isArray(pair) ? (pair as unknown[]) : []; // `isArray` makes any[] of unknown.
    if (isUpTo(SEAT_MAX, seat) && isUpTo(3, status)) changes.push(seatChange(seat, status));
    else from.fail("seats", "pairs of a seat and its status", undefined);
  }
  return { op: "delta", ...place, from: before, changes, checksum: from.uint("checksum") };
}

const isUpTo = (most: number, value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;

function msgpackSnapshot(from: MsgpackReader): SnapshotMessage {
  const place = position(from);
  const count = from.uint("seat count");
  const packed = from.binary("statuses");
  const fits = count <= SEAT_MAX + 1 && packed.length === Math.ceil(count / 4);
  if (!fits) from.fail("statuses", "two bits for each of the seats", undefined);
  const statuses = fits ? unpackStatuses(packed, count) : new Uint8Array(0);
  return { op: "snapshot", ...place, statuses, checksum: from.uint("checksum") };
}

function msgpackDelta(from: MsgpackReader): DeltaMessage {
  const place = position(from);
  const events = from.uint("seq - from");
  if (events > place.seq) from.fail("seq - from", "no more than seq", undefined);
  const changes = unpackChanges(from.binary("seats"), SEAT_MAX);
  const checksum = from.uint("checksum");
  if (changes === undefined) from.fail("seats", "ascending varints of seats and statuses", undefined);
  return { op: "delta", ...place, from: place.seq - events, changes: changes ?? [], checksum };
}

const position = (from: Source) => ({
  showtime: showtimeOf(from.string("showtime")),
  epoch: from.uint("epoch"),
  seq: from.uint("seq"),
});
