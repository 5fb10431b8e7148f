/**
 * Events as bytes, for the journal and for snapshots: a tag, the instant, and the fields in the order below.
 * Tags are never given a second meaning; a field is never added to a tag, a new tag is. Rules alone say by bits which of their
 * fields follow.
 */
import type { ByteReader, ByteWriter } from "../codec/index.ts";
import type { BookingId, HolderId, RequestId } from "../ids.ts";
import type { AnswerEvent, Event } from "./events.ts";
import { readLimits, readPlan, readRules, writeLimits, writePlan, writeRules } from "./sale-codec.ts";
import { readSeats, writeSeats } from "./seats-codec.ts";

const TAG = {
  held: 1,
  released: 2,
  extended: 3,
  expired: 4,
  pinned: 5,
  confirmed: 6,
  reacquired: 7,
  cancelled: 8,
  abandoned: 9,
  blocked: 10,
  unblocked: 11,
  opened: 12,
  amended: 13,
  limited: 14,
  closed: 15,
  resumed: 16,
  archived: 17,
} as const;

export function encodeEvent(out: ByteWriter, event: Event): void {
  switch (event.type) {
    case "held":
      asked(out, TAG.held, event);
      out.uint(event.hold);
      out.uint(event.deadline);
      return writeSeats(out, event.seats);
    case "released":
      asked(out, TAG.released, event);
      out.uint(event.hold);
      return writeSeats(out, event.seats);
    case "extended":
      asked(out, TAG.extended, event);
      out.uint(event.hold);
      return out.uint(event.deadline);
    case "expired":
      head(out, TAG.expired, event.at);
      out.string(event.holder);
      out.uint(event.hold);
      return writeSeats(out, event.seats);
    case "pinned":
      asked(out, TAG.pinned, event);
      out.uint(event.hold);
      out.string(event.booking);
      out.uint(event.deadline);
      return writeSeats(out, event.seats);
    case "confirmed":
      asked(out, event.hold === undefined ? TAG.reacquired : TAG.confirmed, event);
      if (event.hold !== undefined) out.uint(event.hold);
      out.string(event.booking);
      return writeSeats(out, event.seats);
    case "cancelled":
      asked(out, event.hold === undefined ? TAG.cancelled : TAG.abandoned, event);
      if (event.hold !== undefined) out.uint(event.hold);
      out.string(event.booking);
      return writeSeats(out, event.seats);
    case "blocked":
      asked(out, TAG.blocked, event);
      return writeSeats(out, event.seats);
    case "unblocked":
      asked(out, TAG.unblocked, event);
      return writeSeats(out, event.seats);
    case "opened":
      asked(out, TAG.opened, event);
      writePlan(out, event.plan);
      writeRules(out, event.rules);
      return writeLimits(out, event.limits);
    case "amended":
      asked(out, TAG.amended, event);
      return writeRules(out, event.rules);
    case "limited":
      head(out, TAG.limited, event.at);
      return writeLimits(out, event.limits);
    case "closed":
      return asked(out, TAG.closed, event);
    case "resumed":
      head(out, TAG.resumed, event.at);
      return out.uint(event.pausedMs);
    case "archived":
      return head(out, TAG.archived, event.at);
  }
}

/** @throws CorruptBytes when no event begins here. */
export function decodeEvent(bytes: ByteReader): Event {
  const tag = bytes.byte();
  const at = bytes.uint();
  switch (tag) {
    case TAG.expired:
      // The casts of this function: the ids were checked before the event was decided, and the journal's checksum covers them.
      return { type: "expired", at, holder: bytes.string() as HolderId, hold: bytes.uint(), seats: readSeats(bytes) };
    case TAG.limited:
      return { type: "limited", at, limits: readLimits(bytes) };
    case TAG.resumed:
      return { type: "resumed", at, pausedMs: bytes.uint() };
    case TAG.archived:
      return { type: "archived", at };
  }
  const holder = bytes.string() as HolderId;
  const rid = bytes.string() as RequestId;
  switch (tag) {
    case TAG.held: {
      const hold = bytes.uint();
      const deadline = bytes.uint();
      return { type: "held", at, holder, rid, hold, seats: readSeats(bytes), deadline };
    }
    case TAG.released:
      return { type: "released", at, holder, rid, hold: bytes.uint(), seats: readSeats(bytes) };
    case TAG.extended:
      return { type: "extended", at, holder, rid, hold: bytes.uint(), deadline: bytes.uint() };
    case TAG.pinned: {
      const hold = bytes.uint();
      const booking = bytes.string() as BookingId;
      const deadline = bytes.uint();
      return { type: "pinned", at, holder, rid, hold, booking, seats: readSeats(bytes), deadline };
    }
    case TAG.confirmed: {
      const hold = bytes.uint();
      return {
        type: "confirmed",
        at,
        holder,
        rid,
        hold,
        booking: bytes.string() as BookingId,
        seats: readSeats(bytes),
      };
    }
    case TAG.reacquired:
      return { type: "confirmed", at, holder, rid, booking: bytes.string() as BookingId, seats: readSeats(bytes) };
    case TAG.cancelled:
      return { type: "cancelled", at, holder, rid, booking: bytes.string() as BookingId, seats: readSeats(bytes) };
    case TAG.abandoned: {
      const hold = bytes.uint();
      return {
        type: "cancelled",
        at,
        holder,
        rid,
        hold,
        booking: bytes.string() as BookingId,
        seats: readSeats(bytes),
      };
    }
    case TAG.blocked:
      return { type: "blocked", at, holder, rid, seats: readSeats(bytes) };
    case TAG.unblocked:
      return { type: "unblocked", at, holder, rid, seats: readSeats(bytes) };
    case TAG.opened: {
      const plan = readPlan(bytes);
      const rules = readRules(bytes);
      return { type: "opened", at, holder, rid, plan, rules, limits: readLimits(bytes) };
    }
    case TAG.amended:
      return { type: "amended", at, holder, rid, rules: readRules(bytes) };
    case TAG.closed:
      return { type: "closed", at, holder, rid };
    default:
      throw bytes.corrupt(`there is no event ${tag}`);
  }
}

function head(out: ByteWriter, tag: number, at: number): void {
  out.byte(tag);
  out.uint(at);
}

function asked(out: ByteWriter, tag: number, event: AnswerEvent): void {
  head(out, tag, event.at);
  out.string(event.holder);
  out.string(event.rid);
}
