/**
 * The limit that durable commands are measured against: a loop that does nothing but what cannot be left out. uWebSockets.js reads a command,
 * all that came since the last commit go into PostgreSQL as one fsynced row, and then each sender gets its answer. No rules, no state, no
 * viewers. It speaks the benches' own protocol (`bench/peer.ts`), and takes every hold.
 */
import { Packr } from "msgpackr";
import pg from "pg";
import uWS, { type WebSocket } from "uWebSockets.js";
import { CLIENT_OP, SERVER_OP } from "../peer.ts";
import { announce } from "../peers/front/announce.ts";
import { type Answered, TurnBuffer } from "../turn-buffer.ts";

const packr = new Packr({ useRecords: false });
const client = new pg.Client({ connectionString: process.env["DATABASE_URL"] });
await client.connect();
// Not compressed, as the journal is not.
await client.query(
  "CREATE TABLE IF NOT EXISTS bare_loop (id bigserial PRIMARY KEY, events bytea STORAGE EXTERNAL NOT NULL)",
);

type Command = [op: number, number: number, ...rest: unknown[]];
interface Waiting {
  readonly socket: WebSocket<Answered>;
  readonly session: Answered;
  readonly command: Command;
}

const buffer = new TurnBuffer();
let waiting: Waiting[] = [];
let committing = false;
let holds = 0;

async function commit(): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    const events = packr.pack(batch.map(({ command }) => command));
    await client.query({ name: "bare", text: "INSERT INTO bare_loop (events) VALUES ($1)", values: [events] });
    for (const { socket, session, command } of batch) {
      const [op, number] = command;
      const answer = op === CLIENT_OP.hold ? [SERVER_OP.held, number, holds++] : [SERVER_OP.released, number];
      buffer.add(socket, session, packr.pack(answer));
    }
    buffer.flush();
  }
  committing = false;
}

uWS
  .App()
  .ws<Answered>("/v1", {
    message(socket, message) {
      const command = packr.unpack(Buffer.from(message.slice(0))) as Command;
      waiting.push({ socket, session: socket.getUserData(), command });
      if (committing) return;
      committing = true;
      setImmediate(() => void commit());
    },
    close(socket) {
      socket.getUserData().isGone = true;
    },
  })
  .listen("127.0.0.1", 0, (token) => announce(uWS.us_socket_local_port(token)));
