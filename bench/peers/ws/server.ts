/** Seats in memory, shown through `ws`. Environment: SHOW ("naive" or "conflated"), SHOWTIMES, PORT. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Packr } from "msgpackr";
import * as ws from "ws";
import { type WebSocket, WebSocketServer } from "ws";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { announce } from "../front/announce.ts";
import { BoxOffice, type Customer, isShowtime } from "../front/box-office.ts";
import { showBy } from "../front/conflation.ts";
import { MemoryStore } from "../front/memory-store.ts";

const PAYLOAD_BYTES_MAX = 4 * 1024;
/** Readers with more than this before them are cut off, as the library's documentation advises. */
const BACKLOG_BYTES_MAX = 64 * 1024;
const PING_MS = 25_000;

const packr = new Packr({ useRecords: false });
const watchers = new Map<number, Set<WebSocket>>();
const BINARY = { binary: true };
const { OPEN } = ws.WebSocket;

/** What Socket.IO uses of `ws` to send one frame to many, which its public interface does not offer. The types leave it out. */
const { Sender } = ws as unknown as {
  readonly Sender: { frame(data: Buffer, options: Readonly<Record<string, unknown>>): Buffer[] };
};
interface WithSender {
  readonly _sender: { sendFrame(parts: readonly Buffer[]): void };
}
const FRAME = { fin: true, rsv1: false, opcode: 2, mask: false, readOnly: false };

/** Packed and framed once for all: a quarter less work a frame than `send`, which frames it for each. */
function publish(showtime: number, changes: readonly number[]): void {
  const watching = watchers.get(showtime);
  if (watching === undefined || watching.size === 0) return;
  const frame = [Buffer.concat(Sender.frame(packr.pack([SERVER_OP.delta, showtime, changes]), FRAME))];
  for (const socket of watching) {
    if (socket.bufferedAmount > BACKLOG_BYTES_MAX) socket.terminate();
    // oxlint-disable-next-line eslint/no-underscore-dangle -- Its name.
    else if (socket.readyState === OPEN) (socket as unknown as WithSender)._sender.sendFrame(frame);
  }
}

const office = await BoxOffice.open({ store: new MemoryStore(), show: showBy(process.env["SHOW"], publish) });
const http = createServer();
const server = new WebSocketServer({
  server: http,
  path: "/v1",
  perMessageDeflate: false,
  maxPayload: PAYLOAD_BYTES_MAX,
  clientTracking: true,
});
/** Those that answered the last ping. */
const alive = new WeakSet<WebSocket>();
/** Those that have held seats. */
const customers = new WeakMap<WebSocket, Customer>();
let lastCustomer = 0;

server.on("connection", (socket) => {
  alive.add(socket);
  // The same functions for all: ten thousand viewers need no closures of their own.
  socket.on("message", onMessage).on("pong", onPong).on("close", onClose).on("error", onError);
});

function onMessage(this: WebSocket, data: Buffer): void {
  const message: unknown = packr.unpack(data);
  const [op, showtime] = Array.isArray(message) ? (message as unknown[]) : [];
  if (op !== CLIENT_OP.watch || !isShowtime(showtime)) return void office.receive(customerOf(this), message);
  const watching = watchers.get(showtime) ?? new Set();
  watchers.set(showtime, watching.add(this));
}

function onPong(this: WebSocket): void {
  alive.add(this);
}

function onClose(this: WebSocket): void {
  for (const watching of watchers.values()) watching.delete(this);
}

function onError(this: WebSocket): void {
  this.terminate();
}

function customerOf(socket: WebSocket): Customer {
  let customer = customers.get(socket);
  if (customer === undefined) {
    const answer = (message: readonly unknown[]): void => {
      if (socket.readyState === OPEN) socket.send(packr.pack(message), BINARY);
    };
    customers.set(socket, (customer = { id: ++lastCustomer, answer }));
  }
  return customer;
}

setInterval(() => {
  for (const socket of server.clients) {
    if (!alive.delete(socket)) socket.terminate();
    else socket.ping();
  }
}, PING_MS).unref();

http.listen(
  Number(process.env["PORT"] ?? 0),
  "127.0.0.1",
  4_096,
  () => announce((http.address() as AddressInfo).port), // The cast: it listens on TCP.
);
