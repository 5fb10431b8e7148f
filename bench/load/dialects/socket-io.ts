/** Socket.IO with its default parser, over its WebSocket transport. */
import { CONNECT, eventPayload, kindOf, messageOf, PATH, PONG } from "../../peers/socket.io/client-frames.ts";
import { CLIENT_OP } from "../../peer.ts";
import { textFrameOf, type WebSocketClient } from "../web-socket.ts";
import { ArrayBuyer, type Wrapping } from "./array-buyer.ts";
import type { Dialect } from "./dialect.ts";

const CONNECT_FRAME = textFrameOf(CONNECT);
const PONG_FRAME = textFrameOf(PONG);

/** Does what any client must at once. */
function keepUp(bytes: Buffer, start: number, client: WebSocketClient): ReturnType<typeof kindOf> {
  const kind = kindOf(bytes, start);
  if (kind === "open") client.send(CONNECT_FRAME);
  else if (kind === "ping") client.send(PONG_FRAME);
  return kind;
}

const wrapping: Wrapping = {
  frame: (event, message) => textFrameOf(eventPayload(event, message)),
  read(bytes, start, _end, client) {
    const kind = keepUp(bytes, start, client);
    return kind === "connected" ? "joined" : kind === "answer" ? "answer" : "other";
  },
  answer: messageOf,
};

export const socketIo: Dialect = {
  path: () => PATH,
  syncs: true,
  buyer: (options) => new ArrayBuyer(wrapping, options),
  viewer(showtime) {
    const watch = textFrameOf(eventPayload("watch", [CLIENT_OP.watch, showtime.index]));
    return {
      greeting: [],
      read(bytes, start, _end, client) {
        const kind = keepUp(bytes, start, client);
        if (kind === "connected") client.send(watch);
        return kind === "connected" ? "synced" : kind === "delta" ? "changed" : "other";
      },
    };
  },
  changes: () => (bytes, start, end) => {
    const [, , changes] = messageOf(bytes.subarray(start, end)) as [number, number, number[]]; // See `SERVER_OP`.
    return changes;
  },
};
