/** Encodes what clients send. What the types allow but the limits forbid is refused by the server, not here. */
import type { ClientMessage } from "./messages.ts";
import { MsgpackWriter } from "./msgpack/writer.ts";
import { OP } from "./op.ts";

export const encodeClientJson = (message: ClientMessage): string => JSON.stringify(message);

/** Reused by every call: a frame, once taken, is never written to again. */
const writer = new MsgpackWriter();

/** @throws RangeError when a seat, count, epoch or seq is no safe integer of 0 or more. */
export function encodeClientMsgpack(message: ClientMessage): Uint8Array {
  switch (message.op) {
    case "auth":
      writer.begin(2, OP.auth);
      writer.string(message.token);
      break;
    case "watch": {
      const { showtime, epoch, seq } = message;
      writer.begin(seq !== undefined ? 4 : epoch !== undefined ? 3 : 2, OP.watch);
      writer.string(showtime);
      if (epoch !== undefined) writer.uint(epoch);
      else if (seq !== undefined) writer.nil();
      if (seq !== undefined) writer.uint(seq);
      break;
    }
    case "unwatch":
      writer.begin(2, OP.unwatch);
      writer.string(message.showtime);
      break;
    case "hold":
      if ("best" in message) {
        const { rid, showtime, accessible } = message;
        const { count, category, split } = message.best;
        const fields = accessible !== undefined ? 7 : split !== undefined ? 6 : category !== undefined ? 5 : 4;
        writer.begin(fields, OP.holdBest);
        writer.string(rid);
        writer.string(showtime);
        writer.uint(count);
        if (category !== undefined) writer.string(category);
        else if (fields > 4) writer.nil();
        if (split !== undefined) writer.boolean(split);
        else if (fields > 5) writer.nil();
        if (accessible !== undefined) writer.boolean(accessible);
      } else {
        const { rid, showtime, seats, accessible } = message;
        writer.begin(accessible !== undefined ? 5 : 4, OP.holdSeats);
        writer.string(rid);
        writer.string(showtime);
        writer.uints(seats);
        if (accessible !== undefined) writer.boolean(accessible);
      }
      break;
    case "extend":
      writer.begin(3, OP.extend);
      writer.string(message.rid);
      writer.string(message.holdId);
      break;
    case "release":
      writer.begin(message.seats !== undefined ? 4 : 3, OP.release);
      writer.string(message.rid);
      writer.string(message.holdId);
      if (message.seats !== undefined) writer.uints(message.seats);
      break;
    default:
      message satisfies never;
  }
  return writer.take();
}
