import { jetstreamManager } from "@nats-io/jetstream";
import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { DomainEvent } from "../../../proto/index.ts";
import { connectNats, NatsUnusable } from "../../bus/index.ts";
import { type NatsServer, startNatsServer } from "../../bus/testing.ts";
import { systemClock } from "../../clock/index.ts";
import { createDatabase, SessionLock } from "../../postgres/index.ts";
import { systemRandom } from "../../random/index.ts";
import { CONTRACT_DELIVERIES_MAX, eventStreamContract } from "../testing-contract.ts";
import { Outbox } from "../outbox/outbox.ts";
import { JETSTREAM_BYTES_MAX } from "../limits.ts";
import { JetStreamEventStream } from "./jetstream-event-stream.ts";
import { silent, testEvent, testEvents, type TestEvents } from "../testing.ts";

let t: TestEvents;
let server: NatsServer;
beforeAll(async () => {
  [t, server] = await Promise.all([testEvents(), startNatsServer()]);
});
afterAll(async () => {
  await t.close();
  await server.stop();
});
beforeEach(async () => {
  await t.pool.query("truncate events.dead_letter, events.position");
});

const connected = (): Promise<NatsConnection> => connectNats(server.url, { name: "test", inboxPrefix: "_INBOX.test" });

async function opened(connection: NatsConnection): Promise<JetStreamEventStream> {
  return JetStreamEventStream.open({
    connection,
    pool: t.pool,
    clock: systemClock,
    log: silent,
    deadLetters: t.deadLetters,
    patience: { deliveriesMax: CONTRACT_DELIVERIES_MAX, backOffFirstMs: 2 },
  });
}

async function empty(): Promise<NatsConnection> {
  const connection = await connected();
  const manager = await jetstreamManager(connection);
  await manager.streams.delete("USHER_EVENTS").catch(() => undefined);
  return connection;
}

eventStreamContract("JetStream event stream", async () => {
  const connection = await empty();
  return { stream: await opened(connection), deadLetters: t.deadLetters, close: () => connection.close() };
});

const event = (id: string): DomainEvent => testEvent("user.deleted", "u1", { userId: "u1" }, id);
const changed = (id: string): DomainEvent =>
  testEvent("showtime.changed", "s1", { showtimeId: "s1", movieId: "m1" }, id);

const LOGIN = { name: "test", inboxPrefix: "_INBOX.test" };

/** For one test, however it ends. */
async function started(options: Parameters<typeof startNatsServer>[0]): Promise<NatsServer> {
  const one = await startNatsServer(options);
  onTestFinished(() => one.stop());
  return one;
}

const member = (name: string, route: string): Promise<NatsServer> =>
  started({ args: ["--name", name, "--cluster_name", "test", "--cluster", "nats://127.0.0.1:-1", "--routes", route] });

/** When JetStream has told anybody that its servers are too few. */
const firstRefusal = (connection: NatsConnection | undefined): Promise<void> =>
  new Promise((resolve) => {
    connection?.subscribe("$JS.EVENT.ADVISORY.API", {
      callback(_, message) {
        if (message.string().includes("no suitable peers")) resolve();
      },
    });
  });

async function replicas(connection: NatsConnection | undefined): Promise<number> {
  const manager = await jetstreamManager(connection as NatsConnection); // The cast: a test has as many as it says.
  return (await manager.streams.info("USHER_EVENTS")).config.num_replicas;
}

describe("on JetStream", () => {
  it("is made by many at once, with a replica on each of three servers, of which one comes later", async () => {
    const servers = [await member("nats-1", "nats://127.0.0.1:1")]; // Nobody is there; JetStream wants to know of a route.
    const route = servers[0]?.routes ?? "";
    servers.push(await member("nats-2", route));
    const connections = await Promise.all([0, 1, 0, 1].map((at) => connectNats(servers[at]?.url ?? "", LOGIN)));
    const late = firstRefusal(connections[0]).then(() => member("nats-3", route));
    const streams = await Promise.all(connections.map(opened));
    expect(await replicas(connections[0])).toBe(3);
    await late;
    await Promise.all(streams.map((stream) => stream.stop()));
    await Promise.all(connections.map((connection) => connection.close()));
  }, 60_000);

  it("that was made while servers were missing has a replica on each of three, once a process finds them", async () => {
    const first = await member("nats-1", "nats://127.0.0.1:1");
    await Promise.all(["nats-2", "nats-3"].map((name) => member(name, first.routes ?? "")));
    const connection = await connectNats(first.url, LOGIN);
    await (await opened(connection)).stop();
    const manager = await jetstreamManager(connection);
    await manager.streams.update("USHER_EVENTS", { num_replicas: 1 });
    await (await opened(connection)).stop();
    expect(await replicas(connection)).toBe(3);
    await connection.close();
  }, 60_000);

  it("is made on one server that has the configuration of a cluster", async () => {
    const directory = await mkdtemp(join(tmpdir(), "usher-nats-alone-"));
    const config = join(directory, "nats.conf");
    await writeFile(config, "cluster { name: test }");
    const alone = await started({ config, args: ["--name", "alone"] });
    const connection = await connectNats(alone.url, LOGIN);
    for (let time = 0; time < 2; time++) await (await opened(connection)).stop();
    expect(await replicas(connection)).toBe(1);
    await connection.close();
    await rm(directory, { recursive: true });
  });

  it("has a name of its own, which lasts as long as it does", async () => {
    const connection = await empty();
    const [one, same] = [await opened(connection), await opened(connection)];
    const name = await one.name();
    expect(await same.name()).toBe(name);
    await empty().then((other) => other.close());
    const anew = await opened(connection);
    expect(await anew.name()).not.toBe(name);
    expect(await one.name()).toBe(await anew.name());
    await connection.close();
  });

  it("hears JetStream where nobody can guess it who knows another inbox of the process", async () => {
    const [connection, spy] = [await empty(), await connected()];
    const inboxes = new Map<string, string | undefined>();
    spy.subscribe("$JS.API.>", {
      callback: (_error, { subject, reply }) => void inboxes.set(subject.split(".", 4).join("."), reply),
    });
    await spy.flush();
    const stream = await opened(connection);
    stream.consume({ name: "tickets", types: ["user.deleted"], handle: () => Promise.resolve() });
    stream.start();
    const kinds = ["$JS.API.STREAM.INFO", "$JS.API.CONSUMER.MSG"];
    await expect.poll(() => [...inboxes.keys()], { timeout: 10_000 }).toEqual(expect.arrayContaining(kinds));
    const counted = /^_INBOX\.test\.\w{12}/.exec(createInbox("_INBOX.test"))?.[0] ?? "";
    expect([...inboxes.values()].filter((inbox) => inbox?.startsWith(counted) !== false)).toEqual([]);
    await stream.stop();
    await Promise.all([connection.close(), spy.close()]);
  });

  it("says in one sentence what to do when the user may not use it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "usher-nats-rights-"));
    const config = join(directory, "nats.conf");
    const permissions = '{ publish: { deny: ["$JS.>"] } }';
    await writeFile(config, `authorization { users: [{ user: few, password: few, permissions: ${permissions} }] }`);
    const limited = await started({ config });
    const url = limited.url.replace("//", "//few:few@");
    const connection = await connectNats(url, { name: "test", inboxPrefix: "_INBOX.test" });
    await expect(opened(connection)).rejects.toThrow(NatsUnusable);
    await expect(opened(connection)).rejects.toThrow(
      /^NATS_URL: .* JetStream .*\$JS\.API.*deploy\/nats\/nats\.conf.*\.$/,
    );
    await connection.close();
    await rm(directory, { recursive: true });
  });

  it("lets the oldest go rather than refuse what is new when its server's store is full, also one that had no bound", async () => {
    const directory = await mkdtemp(join(tmpdir(), "usher-nats-small-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const config = join(directory, "nats.conf");
    await writeFile(config, "jetstream { max_file_store: 1MB }");
    const small = await started({ config });
    const connection = await connectNats(small.url, LOGIN);
    onTestFinished(() => connection.close());
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: "USHER_EVENTS", subjects: ["user.*"] });
    const stream = await opened(connection);
    onTestFinished(() => stream.stop());
    stream.start();
    const big = (id: string): DomainEvent => ({ ...event(id), source: "/".repeat(100_000) });
    for (let number = 1; number <= 20; number++) await stream.publish(big(`e${number}`));
    const seen: string[] = [];
    stream.consume({ name: "tickets", types: ["user.deleted"], handle: async ({ id }) => void seen.push(id) });
    await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toBe("e20");
  });

  it("takes every event where it was made with fewer, and goes on to take what it took", async () => {
    const connection = await empty();
    onTestFinished(() => connection.close());
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: "USHER_EVENTS", subjects: ["user.*", "operators.own"] });
    const streams = await Promise.all(Array.from({ length: 4 }, () => opened(connection)));
    const [stream] = streams as [JetStreamEventStream, ...JetStreamEventStream[]]; // The cast: there are four.
    onTestFinished(() => stream.stop());
    stream.start();
    await stream.publish(event("e1"));
    await stream.publish(changed("c1"));
    const { config, state } = await manager.streams.info("USHER_EVENTS");
    expect(state.messages).toBe(2);
    expect(config.subjects.slice(0, 2)).toEqual(["user.*", "operators.own"]);
    expect(new Set(config.subjects).size).toBe(config.subjects.length);
  });

  it("keeps what a week may bring where there is room, or what an operator has said", async () => {
    const connection = await empty();
    onTestFinished(() => connection.close());
    const manager = await jetstreamManager(connection);
    const bound = async (): Promise<number> => (await manager.streams.info("USHER_EVENTS")).config.max_bytes;
    await (await opened(connection)).stop();
    expect(await bound()).toBe(JETSTREAM_BYTES_MAX);
    await manager.streams.update("USHER_EVENTS", { max_bytes: 1_000_000 });
    await (await opened(connection)).stop();
    expect(await bound()).toBe(1_000_000);
  });

  it("an event is once in the stream, however often it is published", async () => {
    const connection = await empty();
    const stream = await opened(connection);
    stream.start();
    for (let times = 0; times < 3; times++) await stream.publish(event("e1"));
    const info = await (await jetstreamManager(connection)).streams.info("USHER_EVENTS");
    expect(info.state.messages).toBe(1);
    expect(info.config.subjects).toContain("booking.*");
    expect([...stream.published.values()]).toEqual([1]);
    await stream.stop();
    await connection.close();
  });

  it("one process takes a consumer's events; when it dies in the middle another goes on, in order, from the first that was not done", async () => {
    const [first, second] = [await empty(), await connected()];
    const [dying, other] = [await opened(first), await opened(second)];
    const begun: string[] = [];
    let end = (): void => undefined;
    dying.consume({
      name: "tickets",
      types: ["user.deleted"],
      handle: ({ id }) => {
        begun.push(id);
        return new Promise((resolve) => (end = resolve)); // Long after another has handled it.
      },
    });
    dying.start();
    await dying.publish(event("e1"));
    await expect.poll(() => begun, { timeout: 10_000 }).toEqual(["e1"]);
    const done: string[] = [];
    other.consume({ name: "tickets", types: ["user.deleted"], handle: async ({ id }) => void done.push(id) });
    other.start();
    await other.publish(event("e2"));
    await first.close(); // The process dies ...
    const own = "database = (select oid from pg_database where datname = current_database())";
    await t.pool.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and ${own} and pid <> pg_backend_pid()`,
    );
    await expect.poll(() => done, { timeout: 20_000 }).toEqual(["e1", "e2"]);
    end();
    await dying.stop();
    await other.stop();
    await second.close();
  });

  it("goes on, from the outbox to the consumer, when a process hangs that has both of them", async () => {
    await t.pool.query("truncate shop.outbox");
    for (const name of ["usher.outbox.shop", "usher.consumer.tickets"]) {
      // Once PostgreSQL has seen that those of the last test are gone. It says nothing any more.
      const ofTheHung = await vi.waitUntil(() => SessionLock.take(t.pool, name), { timeout: 15_000 });
      onTestFinished(() => ofTheHung.end());
    }
    const connection = await empty();
    onTestFinished(() => connection.close());
    const stream = await opened(connection);
    onTestFinished(() => stream.stop());
    const outbox = new Outbox({
      pool: t.pool,
      schema: "shop",
      source: "/usher/shop",
      clock: systemClock,
      random: systemRandom,
      log: silent,
      stream,
    });
    onTestFinished(() => outbox.stop());
    await outbox.add(createDatabase<unknown>(t.pool), "user.deleted", "u1", { userId: "u1" });
    const found: string[] = [];
    stream.consume({
      name: "tickets",
      types: ["user.deleted"],
      handle: async ({ subject }) => void found.push(subject),
    });
    stream.start();
    outbox.start();
    await expect.poll(() => found, { timeout: 40_000 }).toEqual(["u1"]);
  });

  it.each([
    ["another server", false],
    ["that server", true],
  ])(
    "goes on soon after the server that leads its consumer has died, when connected to %s",
    async (_to, isSame) => {
      const first = await member("nats-1", "nats://127.0.0.1:1");
      const others = await Promise.all(["nats-2", "nats-3"].map((name) => member(name, first.routes ?? "")));
      const connections = await Promise.all([first, ...others].map(({ url }) => connectNats(url, LOGIN)));
      onTestFinished(() => Promise.all(connections.map((connection) => connection.close())).then(() => undefined));
      const seen: string[] = [];
      const consuming = async (connection: NatsConnection): Promise<JetStreamEventStream> => {
        const stream = await opened(connection);
        stream.consume({ name: "tickets", types: ["user.deleted"], handle: async ({ id }) => void seen.push(id) });
        stream.start();
        return stream;
      };
      const [some] = connections as [NatsConnection];
      const before = await consuming(some);
      await before.publish(event("e1"));
      await expect.poll(() => seen, { timeout: 20_000 }).toEqual(["e1"]);
      await before.stop();
      const leader = (await (await jetstreamManager(some)).consumers.info("USHER_EVENTS", "tickets")).cluster?.leader;
      const isLeader = (connection: NatsConnection): boolean => connection.info?.server_name === leader;
      const own = connections.find((connection) => isLeader(connection) === isSame) as NatsConnection;
      const stream = await consuming(own);
      onTestFinished(() => stream.stop());
      await stream.publish(event("e2"));
      await expect.poll(() => seen, { timeout: 10_000 }).toEqual(["e1", "e2"]);
      await [first, ...others][connections.findIndex(isLeader)]?.kill();
      const toldUntilTaken = async (): Promise<string[]> => {
        await stream.publish(event("e3")).catch(() => undefined);
        return seen;
      };
      await expect.poll(toldUntilTaken, { timeout: 25_000 }).toContain("e3");
      expect(seen.filter((id) => id === "e1")).toHaveLength(1); // It has not begun with all there is.
    },
    90_000,
  );

  it.each([
    ["has lost since", false],
    ["had for long, when the whole of it was lost and made anew", true],
  ])("gets again from the outbox what it %s", async (_what, wasRepeated) => {
    await t.pool.query("truncate shop.outbox");
    const connection = await empty();
    const stream = await opened(connection);
    stream.start();
    const impatient = Object.assign(Object.create(stream) as JetStreamEventStream, {
      repeatAfterMs: 1,
      publish: (one: DomainEvent) => stream.publish(one),
      isCutOff: () => stream.isCutOff(),
      madeAt: async () => (wasRepeated ? stream.madeAt() : new Date(0)),
    });
    const { pool } = t;
    const outbox = new Outbox({
      pool,
      schema: "shop",
      source: "/usher/shop",
      clock: systemClock,
      random: systemRandom,
      log: silent,
      stream: impatient,
    });
    const manager = await jetstreamManager(connection);
    await outbox.add(createDatabase<unknown>(pool), "user.deleted", "u1", { userId: "u1" });
    const unpublished = "select count(*)::int as count from shop.outbox where published_at is null";
    const unrepeated = "select count(*)::int as count from shop.outbox where repeated_at is null";
    const count = async (text: string): Promise<number | undefined> =>
      (await pool.query<{ count: number }>(text)).rows[0]?.count;
    outbox.start();
    await expect.poll(() => count(unpublished), { timeout: 10_000 }).toBe(0);
    await outbox.stop();
    if (wasRepeated) await pool.query("update shop.outbox set repeated_at = now()");
    await manager.streams.purge("USHER_EVENTS"); // A crash before it had synced to disk.
    await manager.streams.delete("USHER_EVENTS");
    const found: string[] = [];
    stream.consume({
      name: "tickets",
      types: ["user.deleted"],
      handle: async ({ subject }) => void found.push(subject),
    });
    const next = new Outbox({
      pool,
      schema: "shop",
      source: "/usher/shop",
      clock: systemClock,
      random: systemRandom,
      log: silent,
      stream: impatient,
    });
    await expect
      .poll(() => manager.streams.info("USHER_EVENTS").catch(() => undefined), { timeout: 10_000 })
      .toBeDefined();
    next.start();
    await expect.poll(() => found, { timeout: 20_000 }).toEqual(["u1"]);
    if (!wasRepeated) await expect.poll(() => count(unrepeated), { timeout: 20_000 }).toBe(0);
    await next.stop();
    await stream.stop();
    await connection.close();
  });

  it.each([
    ["starts then", true, false],
    ["goes on", false, false],
    ["goes on after others have published", false, true],
    ["starts after others have published", true, true],
  ])(
    "gives a consumer that %s what came after a crash that took the end of the stream, and left that it was acknowledged",
    async (_when, isNew, isLate) => {
      const directory = await mkdtemp(join(tmpdir(), "usher-nats-tail-"));
      onTestFinished(() => rm(directory, { recursive: true }));
      const own = await started({ args: ["--store_dir", directory] });
      const run = async () => {
        const connection = await connectNats(own.url, LOGIN);
        const manager = await jetstreamManager(connection);
        const stream = await opened(connection);
        const end = () => stream.stop().then(() => connection.close());
        onTestFinished(end);
        const seen: string[] = [];
        stream.consume({ name: "tickets", types: ["user.deleted"], handle: async ({ id }) => void seen.push(id) });
        stream.start();
        return {
          seen,
          end,
          publish: async (first: number): Promise<void> => {
            for (let at = first; at < first + 10; at++) await stream.publish(event(`e${at}`));
          },
          comesTo: async (count: number): Promise<void> => {
            const done = async () =>
              (await manager.consumers.info("USHER_EVENTS", "tickets").catch(() => undefined))?.ack_floor.stream_seq;
            await expect.poll(done, { timeout: 20_000 }).toBe(count);
          },
        };
      };
      const [messages, earlier] = [
        join(directory, "jetstream/$G/streams/USHER_EVENTS/msgs"),
        join(directory, "earlier"),
      ];
      const before = await run();
      await before.publish(0);
      await before.comesTo(10);
      await cp(messages, earlier, { recursive: true });
      await before.publish(10);
      await before.comesTo(20);
      if (isNew) await before.end();
      await own.kill();
      await rm(messages, { recursive: true });
      await cp(earlier, messages, { recursive: true });
      await own.start();
      if (isLate) {
        const connection = await connectNats(own.url, LOGIN);
        onTestFinished(() => connection.close());
        const other = await opened(connection);
        other.start();
        onTestFinished(() => other.stop());
        for (let at = 20; at < 35; at++) await other.publish(event(`e${at}`));
      }
      const after = isNew ? await run() : before;
      if (!isLate) {
        await after.comesTo(10); // What is there comes again: inboxes know it.
        await after.publish(20);
      }
      const all = Array.from({ length: isLate ? 15 : 10 }, (_, at) => `e${20 + at}`);
      await expect.poll(() => after.seen, { timeout: 10_000 }).toContain(all.at(-1));
      expect(after.seen.slice(-all.length)).toEqual(all);
    },
  );

  it("gives a consumer of one type no others, and one that wants more from now on goes on where it was", async () => {
    const connection = await empty();
    const stream = await opened(connection);
    const manager = await jetstreamManager(connection);
    const stateOf = async () => {
      const { config, delivered, ack_floor } = await manager.consumers.info("USHER_EVENTS", "tickets");
      return { filter: config.filter_subject, given: delivered.consumer_seq, done: ack_floor.stream_seq };
    };
    const seen: string[] = [];
    const handle = async ({ id }: DomainEvent): Promise<void> => void seen.push(id);
    stream.consume({ name: "tickets", types: ["user.deleted"], handle });
    stream.start();
    await stream.publish(changed("c1"));
    await stream.publish(event("e1"));
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(["e1"]);
    await expect.poll(stateOf).toEqual({ filter: "user.deleted", given: 1, done: 2 });
    stream.consume({ name: "tickets", types: ["showtime.changed"], handle });
    await expect.poll(async () => (await stateOf()).filter, { timeout: 10_000 }).toBeUndefined();
    await stream.publish(changed("c2"));
    await stream.publish(event("e2"));
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(["e1", "c2", "e2"]);
    await stream.stop();
    await connection.close();
  });

  it("counts what a consumer has yet to deal with, in the process that takes its events", async () => {
    const [first, second] = [await empty(), await connected()];
    const [stream, other] = [await opened(first), await opened(second)];
    onTestFinished(async () => {
      await Promise.all([stream.stop(), other.stop()]);
      await Promise.all([first.close(), second.close()]);
    });
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    stream.consume({ name: "tickets", types: ["user.deleted"], handle: () => held });
    stream.start();
    other.start();
    for (const id of ["e1", "e2", "e3"]) await stream.publish(event(id));
    const waiting = async () => [...(await stream.waiting()), ...(await other.waiting())];
    await expect.poll(waiting).toEqual([["tickets", 3]]);
    goOn();
    await expect.poll(waiting).toEqual([["tickets", 0]]);
    await stream.stop();
    expect(await waiting()).toEqual([]);
  });

  it("passes over what is no event, and leaves what only a later version knows", async () => {
    const connection = await empty();
    const stream = await opened(connection);
    const seen: string[] = [];
    stream.consume({ name: "tickets", types: ["user.deleted"], handle: async ({ id }) => void seen.push(id) });
    stream.start();
    for (const rubbish of ["", "{", "null", '{"id":1}', '{"id":"x","subject":"y","type":"no.such"}'])
      connection.publish("user.deleted", rubbish);
    await stream.publish(event("e1"));
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(["e1"]);
    const manager = await jetstreamManager(connection);
    const pending = async () => (await manager.consumers.info("USHER_EVENTS", "tickets")).num_ack_pending;
    await expect.poll(pending, { timeout: 10_000 }).toBe(1);
    await stream.stop();
    await connection.close();
  });
});
