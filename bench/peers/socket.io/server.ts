/**
 * Seats in memory, shown through Socket.IO. Environment: SHOW ("naive" or "conflated"), ENGINE ("ws" or "uws"), REDIS_URL (set: with the Redis
 * adapter), SHOWTIMES, PORT.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server, type Socket } from "socket.io";
import uWS from "uWebSockets.js";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { announce } from "../front/announce.ts";
import { BoxOffice, type Customer, isShowtime } from "../front/box-office.ts";
import { showBy } from "../front/conflation.ts";
import { MemoryStore } from "../front/memory-store.ts";

const PAYLOAD_BYTES_MAX = 4 * 1024;

const port = Number(process.env["PORT"] ?? 0);
const io = new Server({
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  maxHttpBufferSize: PAYLOAD_BYTES_MAX,
  ...redisAdapter(process.env["REDIS_URL"]),
});
/** A room a showtime. The adapter encodes a packet once for all of a room. */
const office = await BoxOffice.open({
  store: new MemoryStore(),
  show: showBy(process.env["SHOW"], (showtime, changes) => {
    io.to(String(showtime)).emit("delta", [SERVER_OP.delta, showtime, changes]);
  }),
});
/** Those that have held seats. */
const customers = new WeakMap<Socket, Customer>();
let lastCustomer = 0;

io.on("connection", (socket: Socket) => {
  // The same functions for all: ten thousand viewers need no closures of their own.
  socket.on("hold", receive).on("release", receive).on("watch", watch);
});

function receive(this: Socket, message: unknown): void {
  void office.receive(customerOf(this), message);
}

function watch(this: Socket, message: unknown): void {
  const [op, showtime] = Array.isArray(message) ? (message as unknown[]) : [];
  if (op === CLIENT_OP.watch && isShowtime(showtime)) void this.join(String(showtime));
  else receive.call(this, message);
}

function customerOf(socket: Socket): Customer {
  let customer = customers.get(socket);
  if (customer === undefined) {
    const answer = (message: readonly unknown[]): void => void socket.emit("answer", message);
    customers.set(socket, (customer = { id: ++lastCustomer, answer }));
  }
  return customer;
}

if (process.env["ENGINE"] === "uws") {
  const app = uWS.App();
  io.attachApp(app);
  io.engine.on("connection", forgetRequest);
  app.listen("127.0.0.1", port, (token) => announce(uWS.us_socket_local_port(token)));
} else {
  const http = createServer();
  io.attach(http);
  io.engine.on("connection", forgetRequest);
  // The cast: it listens on TCP.
  http.listen(port, "127.0.0.1", 4_096, () => announce((http.address() as AddressInfo).port));
}

/** The HTTP request that a connection began with would be kept as long as it lasts: see the documentation on memory usage. */
function forgetRequest(connection: { request: unknown }): void {
  connection.request = null;
}

function redisAdapter(url: string | undefined): { adapter?: ReturnType<typeof createAdapter> } {
  if (url === undefined) return {};
  const publisher = new Redis(url, { enableAutoPipelining: true });
  const subscriber = publisher.duplicate();
  for (const redis of [publisher, subscriber]) redis.on("error", (error) => console.error(error));
  return { adapter: createAdapter(publisher, subscriber) };
}
