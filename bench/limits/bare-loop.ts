/**
 * The limit that durable commands are measured against: a loop that does nothing but what cannot be left out. uWebSockets.js reads a command,
 * all that came since the last commit go into PostgreSQL as one fsynced row, and then each sender gets its answer. No rules, no state, no
 * viewers. It speaks the benches' own protocol (`bench/peer.ts`), and takes every hold.
 */
import { Packr } from "msgpackr";
import pg from "pg";
import uWS, { type WebSocket } from "uWebSockets.js";
import { CLIENT_OP, SERVER_OP } from "../peer.ts";

const packr = new Packr({ useRecords: false });
const client = new pg.Client({ connectionString: process.env["DATABASE_URL"] });
await client.connect();
await client.query("CREATE TABLE IF NOT EXISTS bare_loop (id bigserial PRIMARY KEY, events bytea NOT NULL)");

type Session = Record<string, never>;
type Command = [op: number, number: number, ...rest: unknown[]];
let waiting: { readonly socket: WebSocket<Session>; readonly command: Command }[] = [];
let committing = false;
let holds = 0;

async function commit(): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    const events = packr.pack(batch.map(({ command }) => command));
    await client.query({ name: "bare", text: "INSERT INTO bare_loop (events) VALUES ($1)", values: [events] });
    for (const { socket, command } of batch) {
      const [op, number] = command;
      const answer = op === CLIENT_OP.hold ? [SERVER_OP.held, number, holds++] : [SERVER_OP.released, number];
      socket.send(packr.pack(answer), true);
    }
  }
  committing = false;
}

uWS
  .App()
  .ws<Session>("/v1", {
    message(socket, message) {
      waiting.push({ socket, command: packr.unpack(Buffer.from(message.slice(0))) as Command });
      if (committing) return;
      committing = true;
      setImmediate(() => void commit());
    },
  })
  .listen("127.0.0.1", 0, (token) => console.log(JSON.stringify({ port: uWS.us_socket_local_port(token) })));

process.once("SIGTERM", () => process.exit(0));
