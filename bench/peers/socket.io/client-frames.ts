/**
 * Socket.IO over a raw WebSocket, with its default parser: Engine.IO protocol 4, Socket.IO protocol 5, text frames. For a load generator,
 * which cannot afford a client library for each connection. https://socket.io/docs/v4/socket-io-protocol/
 *
 * A connection goes so: the server sends "open", the client `CONNECT`, the server "connected"; from then on events both ways. The server
 * sends "ping" every 25 s, and the client `PONG`.
 */

export const PATH = "/socket.io/?EIO=4&transport=websocket";
/** Payloads of text frames. */
export const CONNECT = "40";
export const PONG = "3";

const EVENT = "42";

/** The payload of a text frame that emits `event` with one argument. */
export const eventPayload = (event: "hold" | "release" | "watch", message: readonly unknown[]): string =>
  `${EVENT}${JSON.stringify([event, message])}`;

/** What kind of payload this is, by its first bytes alone: nothing is parsed. */
export function kindOf(bytes: Uint8Array, start: number): "open" | "ping" | "connected" | "answer" | "delta" | "other" {
  const engine = bytes[start];
  if (engine === 0x30) return "open";
  if (engine === 0x32) return "ping";
  if (engine !== 0x34) return "other";
  if (bytes[start + 1] === 0x30) return "connected";
  if (bytes[start + 1] !== 0x32) return "other";
  // 42["answer",... and 42["delta",... differ in their fifth byte.
  return bytes[start + 4] === 0x61 ? "answer" : "delta";
}

/** The array of an "answer" or a "delta". */
export function messageOf(payload: Buffer): readonly unknown[] {
  const [, message] = JSON.parse(payload.toString("latin1", EVENT.length)) as [string, unknown[]]; // As eventPayload's mirror.
  return message;
}
