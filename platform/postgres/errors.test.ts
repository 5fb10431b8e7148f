import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createLogger } from "../log/index.ts";
import { portOf } from "../testing/port-of.ts";
import { createPool, type DatabaseUnusable, explainConnectionError } from "./index.ts";
import { testDatabase, type TestDatabase } from "./testing.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** The URL of a port where whoever connects is met like this. */
async function serverThat(meets: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    meets(socket);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, "listening");
  return `postgres://usher:hunter2@127.0.0.1:${portOf(server)}/usher`;
}

async function whyNot(connectionString: string): Promise<DatabaseUnusable | undefined> {
  const log = createLogger({ name: "test", level: "silent" });
  const pool = createPool({ connectionString, max: 1, name: "test", log });
  const error: unknown = await pool.query("SELECT 1").catch((thrown: unknown) => thrown);
  await pool.end();
  return explainConnectionError(error);
}

test("a server that stays silent does not answer", async () => {
  const why = await whyNot(await serverThat(() => undefined));
  expect(why?.message).toMatch(/^PostgreSQL does not answer: check that DATABASE_URL .* \(.* connection timeout\)\.$/);
});

test("a server that hangs up has closed the connection", async () => {
  const why = await whyNot(await serverThat((socket) => socket.once("data", () => socket.end())));
  expect(why?.message).toMatch(/^PostgreSQL has closed the connection: check that .* DATABASE_URL .*\.$/);
});

test.each([":", ""])("a server that wants a password says so where there is none after the user's %j", async (none) => {
  const url = new URL(database.url);
  // A pool would leave the connection open, and the server would wait a minute for the password.
  const client = new pg.Client({ connectionString: `postgres://${url.username}${none}@${url.host}${url.pathname}` });
  const error: unknown = await client.connect().catch((thrown: unknown) => thrown);
  await client.end();
  expect(explainConnectionError(error)?.message).toMatch(
    /^PostgreSQL wants a password, and DATABASE_URL has none: add it, .*\.$/,
  );
});

test("a connection that breaks while something is written to it is one that cannot be reached", () => {
  const error = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  expect(explainConnectionError(error)?.message).toMatch(/^PostgreSQL cannot be reached: .* \(EPIPE: write EPIPE\)\.$/);
});
