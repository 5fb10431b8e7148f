/**
 * The limit that the engine is measured against: a loop that does nothing but what cannot be left out. uWebSockets.js reads a msgpack
 * array [number, ...], the numbers of all that came since the last commit go into PostgreSQL as one row, and then each sender gets
 * [number, 1]. No rules, no state, no viewers.
 *
 * Answers `{ port }` on standard output once it listens. Environment: DATABASE_URL.
 */
import { Packr } from "msgpackr";
import pg from "pg";
import uWS, { type WebSocket } from "uWebSockets.js";

const packr = new Packr({ useRecords: false });
const client = new pg.Client({ connectionString: process.env["DATABASE_URL"] });
await client.connect();
await client.query("CREATE TABLE IF NOT EXISTS bare_loop (id bigserial PRIMARY KEY, events bytea NOT NULL)");

type Session = Record<string, never>;
let waiting: { socket: WebSocket<Session>; command: unknown[] }[] = [];
let committing = false;

async function commit(): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    const events = packr.pack(batch.map(({ command }) => command));
    await client.query({ name: "bare", text: "INSERT INTO bare_loop (events) VALUES ($1)", values: [events] });
    for (const { socket, command } of batch) socket.send(packr.pack([command[0], 1]), true);
  }
  committing = false;
}

uWS
  .App()
  .ws<Session>("/v1", {
    message(socket, message) {
      waiting.push({ socket, command: packr.unpack(Buffer.from(message.slice(0))) as unknown[] });
      if (committing) return;
      committing = true;
      setImmediate(() => void commit());
    },
  })
  .listen("127.0.0.1", 0, (token) => console.log(JSON.stringify({ port: uWS.us_socket_local_port(token) })));
