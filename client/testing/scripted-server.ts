import { once } from "node:events";
import { type WebSocket, WebSocketServer } from "ws";
import { portOf } from "../../platform/testing/port-of.ts";
import {
  checksumOf,
  CLOSE_CODES,
  type HolderId,
  holdIdOf,
  SEAT_STATUS,
  seatChange,
  type SeatStatus,
  type ShowtimeId,
  showtimeId,
} from "../../proto/index.ts";
import {
  type ClientMessage,
  decodeClientJson,
  decodeClientMsgpack,
  encodeServerJson,
  encodeServerMsgpack,
  type ServerMessage,
  type Undecodable,
} from "../../proto/ws/index.ts";

export const PREMIERE = showtimeId("premiere");
export const GOOD_TOKEN = "good";

type Op = ClientMessage["op"];
type MessageOf<Name extends Op> = Extract<ClientMessage, { op: Name }>;

export interface Received {
  readonly message: ClientMessage;
  readonly link: Link;
}

type ReceivedOf<Name extends Op> = Received & { readonly message: MessageOf<Name> };
const isOf = <Name extends Op>(received: Received, op: Name): received is ReceivedOf<Name> =>
  received.message.op === op;

/** One connection, from the server's side. */
export class Link {
  readonly #socket: WebSocket;
  readonly watched = new Set<string>();
  signedIn = false;
  badMessages = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  send(message: ServerMessage): void {
    const binary = this.#socket.protocol === "usher.v1.msgpack";
    this.raw(binary ? encodeServerMsgpack(message) : encodeServerJson(message));
  }

  raw(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  close(code: number, reason = ""): void {
    this.#socket.close(code, reason);
  }

  /** As a crash does it: without a closing handshake. */
  cut(): void {
    this.#socket.terminate();
  }
}

/**
 * A server that speaks the whole protocol about one small hall, and does what a test scripts: a script sees a message
 * before the server does and may answer it, or do worse, in its place.
 */
export class ScriptedServer {
  readonly received: Received[] = [];
  readonly links = new Set<Link>();
  readonly statuses = new Uint8Array(12);
  epoch = 1;
  seq = 0;
  /** Answers by rid, as the engine keeps them. */
  readonly #answers = new Map<string, ServerMessage>();
  readonly #scripts: { readonly op: Op; readonly play: (received: Received) => void }[] = [];
  #arrived: () => void = () => {};
  readonly #server: WebSocketServer;
  #read = 0;
  #holds = 0;
  welcomes = true;
  heartbeatMs = 25_000;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => this.#welcome(socket));
  }

  static async start(port = 0): Promise<ScriptedServer> {
    const server = new WebSocketServer({ port, host: "127.0.0.1", handleProtocols: ([first]) => first ?? false });
    await once(server, "listening");
    return new ScriptedServer(server);
  }

  get port(): number {
    return portOf(this.#server);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/v1`;
  }

  /** Also where a test has stopped it already. */
  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** In place of what the server would do with the next message of this kind. */
  script(op: Op, play: (received: Received) => void): void {
    this.#scripts.push({ op, play });
  }

  /** The next message of this kind that no earlier call has given; those of other kinds before it are passed over. */
  async next<Name extends Op>(op: Name): Promise<ReceivedOf<Name>> {
    for (;;) {
      const received = this.received[this.#read];
      if (received === undefined) await new Promise<void>((resolve) => (this.#arrived = resolve));
      else this.#read++;
      if (received !== undefined && isOf(received, op)) return received;
    }
  }

  /** What the server would do with a message. */
  answer({ message, link }: Received): void {
    if ("rid" in message) return this.#answerRequest(message, link);
    switch (message.op) {
      case "auth":
        if (!message.token.startsWith(GOOD_TOKEN)) {
          return link.send({ op: "error", code: "UNAUTHORIZED", message: "not a good token" });
        }
        link.signedIn = true;
        return link.send({ op: "authed", userId: "alice" as HolderId, role: "guest" });
      case "watch":
        if (message.showtime !== PREMIERE) {
          return link.send({ op: "error", code: "NOT_FOUND", message: "no such showtime" });
        }
        link.watched.add(message.showtime);
        if (message.epoch === this.epoch && message.seq === this.seq) return link.send(this.delta([], this.seq));
        return link.send(this.snapshot());
      case "unwatch":
        link.watched.delete(message.showtime);
        return;
    }
  }

  snapshot(showtime: ShowtimeId = PREMIERE) {
    const { epoch, seq, statuses } = this;
    const checksum = checksumOf(statuses);
    return { op: "snapshot", showtime, epoch, seq, statuses: Uint8Array.from(statuses), checksum } as const;
  }

  delta(seats: readonly number[], from: number) {
    const changes = seats.map((seat) => seatChange(seat, this.statuses[seat] ?? 0));
    const checksum = checksumOf(this.statuses);
    return { op: "delta", showtime: PREMIERE, epoch: this.epoch, from, seq: this.seq, changes, checksum } as const;
  }

  /** Changes seats; gives the delta without sending it. */
  change(seats: readonly number[], status: SeatStatus) {
    for (const seat of seats) this.statuses[seat] = status;
    this.seq++;
    return this.delta(seats, this.seq - 1);
  }

  show(message: ServerMessage): void {
    for (const link of this.links) if (link.watched.has(PREMIERE)) link.send(message);
  }

  #welcome(socket: WebSocket): void {
    const link = new Link(socket);
    this.links.add(link);
    socket.on("close", () => this.links.delete(link));
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => {
      // The cast: `ws` gives a Buffer unless told otherwise.
      const bytes = data as Buffer;
      const decoded = isBinary ? decodeClientMsgpack(bytes) : decodeClientJson(bytes.toString());
      if (decoded.ok) this.#take({ message: decoded.message, link });
      else this.#complain(link, decoded);
    });
    if (this.welcomes) link.send({ op: "welcome", protocol: 1, heartbeatMs: this.heartbeatMs });
  }

  #complain(link: Link, { rid, reason }: Undecodable): void {
    link.send({ op: "error", ...(rid !== undefined && { rid }), code: "BAD_MESSAGE", message: reason });
    if (++link.badMessages >= 10) link.close(CLOSE_CODES.POLICY.code);
  }

  #take(received: Received): void {
    const script = this.#scripts.findIndex(({ op }) => op === received.message.op);
    const [scripted] = script < 0 ? [] : this.#scripts.splice(script, 1);
    if (scripted === undefined) this.answer(received);
    else scripted.play(received);
    this.received.push(received);
    this.#arrived();
  }

  #answerRequest(message: MessageOf<"hold" | "extend" | "release">, link: Link): void {
    if (!link.signedIn) {
      return link.send({ op: "error", rid: message.rid, code: "UNAUTHORIZED", message: "sign in first" });
    }
    const answer = this.#answers.get(message.rid) ?? this.#carryOut(message);
    this.#answers.set(message.rid, answer);
    link.send(answer);
  }

  #carryOut(message: MessageOf<"hold" | "extend" | "release">): ServerMessage {
    const { rid } = message;
    if (message.op === "extend") return { op: "extended", rid, holdId: holdIdOf(PREMIERE, 1), expiresInMs: 300_000 };
    if (message.op === "release") return { op: "released", rid, holdId: holdIdOf(PREMIERE, 1) };
    const free = [...this.statuses.keys()].filter((seat) => this.statuses[seat] === SEAT_STATUS.free);
    const seats = "best" in message ? free.slice(0, message.best.count) : message.seats;
    const taken = seats.filter((seat) => !free.includes(seat));
    if (taken.length > 0) return { op: "error", rid, code: "SEAT_TAKEN", message: "taken", seats: taken };
    this.show(this.change(seats, SEAT_STATUS.held));
    const holdId = holdIdOf(PREMIERE, ++this.#holds);
    return { op: "held", rid, holdId, showtime: PREMIERE, seats: [...seats], expiresInMs: 300_000 };
  }
}
