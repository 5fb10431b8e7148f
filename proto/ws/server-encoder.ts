/**
 * Encodes what servers send. A frame is bytes or text that can go to any number of sockets, so the edge encodes a hall's
 * delta once per encoding. Replicas hand over one byte per status and one number per change; no text is built for msgpack.
 */
import { packStatuses, seatOfChange, statusOfChange } from "../seat-status.ts";
import { ascending, packChanges } from "./msgpack/change-bytes.ts";
import type { ServerMessage } from "./messages.ts";
import { MsgpackWriter } from "./msgpack/writer.ts";
import { OP } from "./op.ts";

export function encodeServerJson(message: ServerMessage): string {
  if (message.op === "snapshot") return JSON.stringify({ ...message, statuses: digits(message.statuses) });
  if (message.op !== "delta") return JSON.stringify(message);
  const { op, showtime, epoch, from, seq, changes, checksum } = message;
  const seats = Array.from(ascending(changes), (change) => [seatOfChange(change), statusOfChange(change)]);
  return JSON.stringify({ op, showtime, epoch, from, seq, seats, checksum });
}

const ascii = new TextDecoder();
const digits = (statuses: Uint8Array): string => ascii.decode(statuses.map((status) => 0x30 + status));

/** Reused by every call: a frame, once taken, is never written to again. */
const writer = new MsgpackWriter();

/** @throws RangeError when a number is no safe integer of 0 or more, or a delta has a seat twice: defects of the caller. */
export function encodeServerMsgpack(message: ServerMessage): Uint8Array {
  switch (message.op) {
    case "welcome":
      writer.begin(3, OP.welcome);
      writer.uint(message.protocol);
      writer.uint(message.heartbeatMs);
      break;
    case "authed":
      writer.begin(3, OP.authed);
      writer.string(message.userId);
      writer.string(message.role);
      break;
    case "snapshot":
      writer.begin(7, OP.snapshot);
      writer.string(message.showtime);
      writer.uint(message.epoch);
      writer.uint(message.seq);
      writer.uint(message.statuses.length);
      writer.bytes(packStatuses(message.statuses));
      writer.uint(message.checksum);
      break;
    case "delta":
      writer.begin(7, OP.delta);
      writer.string(message.showtime);
      writer.uint(message.epoch);
      writer.uint(message.seq);
      writer.uint(message.seq - message.from);
      writer.bytes(packChanges(message.changes));
      writer.uint(message.checksum);
      break;
    case "held":
      writer.begin(5, OP.held);
      writer.string(message.rid);
      writer.string(message.holdId);
      writer.uints(message.seats);
      writer.uint(message.expiresInMs);
      break;
    case "extended":
      writer.begin(4, OP.extended);
      writer.string(message.rid);
      writer.string(message.holdId);
      writer.uint(message.expiresInMs);
      break;
    case "released":
      writer.begin(3, OP.released);
      writer.string(message.rid);
      writer.string(message.holdId);
      break;
    case "error": {
      const { rid, code, message: text, seats, retryInMs } = message;
      writer.begin(retryInMs !== undefined ? 6 : seats !== undefined ? 5 : 4, OP.error);
      if (rid !== undefined) writer.string(rid);
      else writer.nil();
      writer.string(code);
      writer.string(text);
      if (seats !== undefined) writer.uints(seats);
      else if (retryInMs !== undefined) writer.nil();
      if (retryInMs !== undefined) writer.uint(retryInMs);
      break;
    }
    case "expired":
      writer.begin(2, OP.expired);
      writer.string(message.holdId);
      break;
    case "booked":
      writer.begin(3, OP.booked);
      writer.string(message.holdId);
      writer.string(message.bookingId);
      break;
    case "booking": {
      const { bookingId, showtime, status, reason } = message;
      writer.begin(reason === undefined ? 4 : 5, OP.booking);
      writer.string(bookingId);
      writer.string(showtime);
      writer.string(status);
      if (reason !== undefined) writer.string(reason);
      break;
    }
    case "reauth":
      writer.begin(2, OP.reauth);
      writer.uint(message.inMs);
      break;
    case "goaway":
      writer.begin(2, OP.goaway);
      writer.uint(message.reconnectInMs);
      break;
    default:
      message satisfies never;
  }
  return writer.take();
}
