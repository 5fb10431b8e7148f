/** Colyseus: a room per showtime, whose state is shown to whoever is in it. */
import { answerOf, JOINED, kindOf, payloadOf, reserve, SeatReader } from "../../peers/colyseus/client.ts";
import { frameOf } from "../web-socket.ts";
import { ArrayBuyer, type Wrapping } from "./array-buyer.ts";
import type { Dialect } from "./dialect.ts";

const JOINED_FRAME = frameOf(JOINED);

const wrapping: Wrapping = {
  frame: (_event, message) => frameOf(payloadOf(message as [number])), // Its first field is the op.
  read(bytes, start, _end, client) {
    const kind = kindOf(bytes, start);
    if (kind === "joined") client.send(JOINED_FRAME);
    return kind === "joined" || kind === "answer" ? kind : "other";
  },
  answer: answerOf,
};

export const colyseus: Dialect = {
  path: (port, showtime) => reserve(port, showtime.index),
  syncs: true,
  buyer: (options) => new ArrayBuyer(wrapping, options),
  viewer: () => ({
    greeting: [],
    read(bytes, start, _end, client) {
      const kind = kindOf(bytes, start);
      if (kind === "joined") client.send(JOINED_FRAME);
      return kind === "state" ? "synced" : kind === "patch" ? "changed" : "other";
    },
  }),
  changes() {
    // All viewers are shown the same room, so one reader keeps what it calls its seats.
    const reader = new SeatReader();
    return (bytes, start, end) => reader.read(Buffer.from(bytes.subarray(start, end)));
  },
};
