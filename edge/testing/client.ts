import { once } from "node:events";
import { WebSocket } from "ws";
import { checksumOf, rollChecksum, seatOfChange, type ShowtimeId, statusOfChange } from "../../proto/index.ts";
import {
  type ClientMessage,
  decodeServerJson,
  decodeServerMsgpack,
  encodeClientJson,
  encodeClientMsgpack,
  type ServerMessage,
  type ServerOp,
  type Encoding,
} from "../../proto/ws/index.ts";

export type MessageOf<Op extends ServerOp> = Extract<ServerMessage, { op: Op }>;

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A client that keeps all it was sent, and every hall that it watches, checking each frame against the protocol's promises. */
export class Client {
  readonly ws: WebSocket;
  readonly encoding: Encoding;
  /** Not asked for by `next` yet. */
  readonly inbox: ServerMessage[] = [];
  readonly halls = new Map<
    ShowtimeId,
    { epoch: number; seq: number; checksum: number; statuses: Uint8Array; frames: number }
  >();
  readonly closed: Promise<Closing>;
  closing: Closing | undefined;
  readonly #waiting = new Set<() => void>();

  private constructor(ws: WebSocket, encoding: Encoding) {
    this.ws = ws;
    this.encoding = encoding;
    ws.on("message", (data: Buffer, isBinary) => this.#receive(data, isBinary));
    ws.on("error", () => undefined);
    this.closed = new Promise((resolve) =>
      ws.on("close", (code, reason) => {
        this.closing = { code, reason: String(reason) };
        resolve(this.closing);
        this.#wake();
      }),
    );
  }

  static async connect(port: number, encoding: Encoding = "json"): Promise<Client> {
    const client = new Client(new WebSocket(`ws://127.0.0.1:${port}/v1`, [`usher.v1.${encoding}`]), encoding);
    await once(client.ws, "open");
    return client;
  }

  send(message: ClientMessage): void {
    this.ws.send(this.encoding === "json" ? encodeClientJson(message) : encodeClientMsgpack(message));
  }

  /** A message in its JSON form, which may be any. */
  say(message: object): void {
    this.send(message as ClientMessage); // The cast: tests write ids as literals.
  }

  async next<Op extends ServerOp>(
    op: Op,
    fits: (message: MessageOf<Op>) => boolean = () => true,
  ): Promise<MessageOf<Op>> {
    for (;;) {
      const at = this.inbox.findIndex((message) => message.op === op && fits(message as MessageOf<Op>));
      if (at >= 0) return this.inbox.splice(at, 1)[0] as MessageOf<Op>; // The cast: its op was compared.
      if (this.closing !== undefined) throw new Error(`closed with ${this.closing.code} before ${op} came`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Until `holds` does, looked at after every message. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.closing !== undefined) throw new Error(`closed with ${this.closing.code}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async signIn(token: string): Promise<MessageOf<"authed">> {
    this.say({ op: "auth", token });
    return this.next("authed");
  }

  /** The hall's statuses as digits. */
  shown(showtime: ShowtimeId): string {
    return [...(this.halls.get(showtime)?.statuses ?? [])].join("");
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary !== (this.encoding === "msgpack")) throw new Error("a frame of the wrong kind");
    const decoded = isBinary ? decodeServerMsgpack(data) : decodeServerJson(String(data));
    if (!decoded.ok) throw new Error(decoded.reason);
    this.#keep(decoded.message);
    this.inbox.push(decoded.message);
    this.#wake();
  }

  #keep(message: ServerMessage): void {
    if (message.op === "snapshot") {
      const { epoch, seq, statuses, checksum } = message;
      const frames = (this.halls.get(message.showtime)?.frames ?? 0) + 1;
      if (checksumOf(statuses) !== checksum) throw new Error("a snapshot's checksum is wrong");
      this.halls.set(message.showtime, { epoch, seq, checksum, statuses, frames });
    }
    if (message.op === "delta") {
      const hall = this.halls.get(message.showtime);
      if (hall === undefined) return;
      if (message.epoch !== hall.epoch || message.from !== hall.seq)
        throw new Error(`a gap: ${message.from} after ${hall.seq}`);
      for (const change of message.changes) {
        const [seat, status] = [seatOfChange(change), statusOfChange(change)];
        hall.checksum = rollChecksum(hall.checksum, seat, hall.statuses[seat] ?? 0, status);
        hall.statuses[seat] = status;
      }
      if (hall.checksum !== message.checksum) throw new Error("a delta's checksum is wrong");
      hall.seq = message.seq;
      hall.frames++;
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
