import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { portOf } from "../testing/port-of.ts";
import { createPool } from "./index.ts";
import { testDatabase, type TestDatabase } from "./testing.ts";

const log = pino({ level: "silent" });
const ANSWER_WITHIN_MS = 2_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** A way to PostgreSQL that can fall silent, as when a host vanishes: nothing comes back, and nothing says so. */
async function silenceableWay(): Promise<{ url: string; silence(): void; close(): void }> {
  const { hostname, port } = new URL(database.url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(database.url);
  url.host = `127.0.0.1:${portOf(server)}`;
  return {
    url: url.href,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

it("a statement whose server has vanished fails in time, and the next one takes another connection", async () => {
  const way = await silenceableWay();
  const pool = createPool({
    connectionString: way.url,
    max: 1,
    name: "pool-test",
    log,
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  try {
    await pool.query("select 1");
    way.silence();
    await expect(pool.query("select 2")).rejects.toThrow("PostgreSQL has not answered within 2 s");
    expect((await pool.query("select 3 as answer")).rows).toEqual([{ answer: 3 }]);
    // The same with a connection that was lent out, as for a transaction.
    const client = await pool.connect();
    await client.query("begin");
    way.silence();
    await expect(client.query("select 4")).rejects.toThrow("has not answered");
    await expect(client.query("rollback")).rejects.toThrow();
    client.release();
    expect((await pool.query("select 5 as answer")).rows).toEqual([{ answer: 5 }]);
  } finally {
    way.close();
    await pool.end();
  }
});

it("a server that falls silent while a connection is being set up is given up in time", async () => {
  const options = { connectionString: database.url, max: 1, name: "pool-test", log, answerWithinMs: ANSWER_WITHIN_MS };
  // After the login, in answer to what each session begins with.
  const pool = createPool({ ...options, setting: "application_name = 'set up'; SELECT pg_sleep(30)" });
  try {
    await expect(pool.query("select 1")).rejects.toThrow("PostgreSQL has not answered within 2 s");
  } finally {
    await pool.end();
  }
});

it("a connection that nobody asks anything may be silent for as long as it likes", async () => {
  const pool = createPool({
    connectionString: database.url,
    max: 1,
    kept: 1,
    name: "pool-test",
    log,
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  try {
    const backend = async (): Promise<unknown> => (await pool.query("select pg_backend_pid() as pid")).rows;
    const first = await backend();
    for (let pause = 0; pause < 2; pause++) {
      await setTimeout(2 * ANSWER_WITHIN_MS);
      expect(await backend()).toEqual(first);
    }
  } finally {
    await pool.end();
  }
});

it("who says nothing more in the middle of a transaction keeps a row from nobody for good, and the pool outlives it", async () => {
  const pool = createPool({ connectionString: database.url, max: 2, name: "pool-test", log });
  const { rows } = await pool.query("show idle_in_transaction_session_timeout");
  expect(rows).toEqual([{ idle_in_transaction_session_timeout: "1min" }]);
  await pool.query("create table seat (number integer)");
  await pool.query("insert into seat values (1)");
  const silent = await pool.connect();
  await silent.query("begin");
  // In place of the minute. In one message with what keeps the row: the time runs from its answer on.
  await silent.query("set local idle_in_transaction_session_timeout = 200; update seat set number = 2");
  await pool.query("update seat set number = number + 10");
  await expect(silent.query("commit")).rejects.toThrow();
  silent.release();
  expect((await pool.query("select number from seat")).rows).toEqual([{ number: 11 }]);
  await pool.end();
});
