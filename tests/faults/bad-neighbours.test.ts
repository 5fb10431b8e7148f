/** Servers that cannot be used, a second cluster on the same database, an edge that dies beside another, and machines whose clocks are apart. */
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import pg from "pg";
import { WebSocket } from "ws";
import { Leash } from "../../bin/cluster/leash.ts";
import { ProcessUnderWatch } from "../../bin/cluster/process-under-watch.ts";
import { UsherClient } from "../../client/index.ts";
import { smallHall } from "../../engine/testing/small-hall.ts";
import { connectNats, NatsBus } from "../../platform/bus/index.ts";
import { type NatsServer, startNatsServer } from "../../platform/bus/testing.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import {
  type Command,
  holderId,
  type Query,
  type Reply,
  type RequestId,
  shardOf,
  showtimeId,
} from "../../proto/index.ts";
import { portOf } from "../../platform/testing/port-of.ts";
import { Rest } from "../support/rest.ts";
import {
  freePort,
  Launch,
  removeDirectory,
  type Settings,
  temporaryDirectory,
  usher,
} from "../support/usher-process.ts";
import { log, PATIENCE_MS, SHARDS } from "./world.ts";

const SLOW = 120_000;
const IN_SHARD_0 = showtimeId(
  `st_${[...Array(1_000).keys()].find((at) => shardOf(showtimeId(`st_${at}`), SHARDS) === 0)}`,
);
/** Clients: so many do not all come to the same edge by chance. */
const MANY = 50;
const HELD = 1;
const FIVE_MINUTES_MS = 300_000;
/** What a hold may gain or lose on the way from one engine to the other: the time that the takeover takes on a busy machine. */
const TAKEOVER_MS = 60_000;

let nats: NatsServer;
let database: TestDatabase;
let dataDir: string;
const ends: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  await usher(["--version"], {}); // Builds what is out of date, and says so, before anybody listens.
  [nats, database, dataDir] = [await startNatsServer(), await testDatabase(), await temporaryDirectory()];
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  await nats.stop();
  await database.drop();
  await removeDirectory(dataDir);
});

const settings = (more: Settings = {}): Settings => ({
  HTTP_PORT: "0",
  NATS_URL: nats.url,
  DATABASE_URL: database.url,
  DATA_DIR: dataDir,
  LOG_LEVEL: "error",
  ...more,
});

/** A role that is expected to end by itself with one sentence. */
async function refusal(more: Settings, role = "engine"): Promise<string> {
  const { code, stderr } = await usher([role], settings(more));
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  return stderr;
}

const engine = (more: Settings = {}): Promise<ProcessUnderWatch> => role("engine", more);

/** @param said one line that it says */
async function role(
  name: string,
  more: Settings = {},
  said: (line: string) => void = () => undefined,
): Promise<ProcessUnderWatch> {
  const leash = new Leash();
  ends.push(() => leash.close());
  const process = new ProcessUnderWatch(
    {
      name,
      command: globalThis.process.execPath,
      args: [join(import.meta.dirname, "../../bin/usher.mjs"), name],
      env: settings(more),
      ready: /^ready$/,
      logFile: join(dataDir, `${name}.log`),
    },
    { clock: systemClock, leash, changed: () => undefined, line: said },
  );
  ends.push(() => process.stop());
  await process.start();
  return process;
}

/** A role that nobody starts again, until the test ends. */
function launch(name: string, more: Settings): Launch {
  const launched = new Launch([name], settings(more));
  ends.push(() => {
    launched.child.kill("SIGKILL");
    return launched.ended;
  });
  return launched;
}

/** What a NATS server says first, unasked. */
async function greetingOf(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const [greeting] = (await once(socket, "data")) as [Buffer]; // No encoding is set.
  socket.destroy();
  return greeting.toString();
}

async function listen(greet: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    greet(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => void server.close());
  return portOf(server);
}

describe("an engine says in one sentence that it cannot use", { timeout: SLOW }, () => {
  it("a NATS of an older version", async () => {
    const info = { server_id: "old", version: "2.8.4", proto: 1, headers: true, max_payload: 1_048_576, client_id: 1 };
    const port = await listen((socket) => {
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      socket.on("data", (data) => void (String(data).includes("PING") && socket.write("PONG\r\n")));
    });
    expect(await refusal({ NATS_URL: `nats://127.0.0.1:${port}` })).toMatch(/version 2\.8\.4; Usher needs 2\.9/);
  });

  it("a PostgreSQL of an older version", async () => {
    const port = await listen((socket) => socket.on("data", (data) => socket.write(oldPostgres(data))));
    const said = await refusal({ DATABASE_URL: `postgres://usher:x@127.0.0.1:${port}/usher` });
    expect(said).toMatch(/PostgreSQL 13\.11 is too old: .*14 or newer/);
  });

  it("a wrong password of NATS, which is not shown", async () => {
    const config = join(dataDir, "nats.conf");
    await writeFile(config, `authorization { users: [{ user: engine, password: right }] }\n`);
    const guarded = await startNatsServer({ config });
    ends.push(() => guarded.stop());
    const said = await refusal({ NATS_URL: guarded.url.replace("nats://", "nats://engine:hunter2@") });
    expect(said).toMatch(/refuses the user or the password; correct them in NATS_URL/);
    expect(said).not.toContain("hunter2");
  });

  it("a wrong password of a NATS cluster, whose servers name each other", async () => {
    const users = "authorization { users: [{ user: engine, password: right }] }";
    const ports = await Promise.all([freePort(), freePort()]);
    const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(", ");
    const guarded = await Promise.all(
      ports.map(async (port, at) => {
        const config = join(dataDir, `nats-${at}.conf`);
        await writeFile(
          config,
          `server_name: nats-${at}\n${users}\ncluster { name: two, listen: "127.0.0.1:${port}", routes: [${routes}] }\n`,
        );
        return startNatsServer({ config });
      }),
    );
    for (const server of guarded) ends.push(() => server.stop());
    const url = guarded[0]?.url ?? "";
    await expect.poll(() => greetingOf(url)).toMatch(/"connect_urls":\[.*,.*\]/);
    expect(await refusal({ NATS_URL: url.replace("nats://", "nats://engine:hunter2@") })).toMatch(
      /refuses the user or the password; correct them in NATS_URL/,
    );
  });

  it("a wrong password of PostgreSQL, which is not shown", async () => {
    const url = new URL(database.url);
    url.password = "hunter2";
    const said = await refusal({ DATABASE_URL: url.href });
    expect(said).toMatch(/refuses the password in DATABASE_URL: correct it/);
    expect(said).not.toContain("hunter2");
  });

  it("a PostgreSQL that permits it nothing", async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("CREATE ROLE poor LOGIN PASSWORD 'poor'");
    ends.push(async () => {
      await client.query("DROP ROLE poor");
      await client.end();
    });
    const own = await testDatabase();
    ends.push(() => own.drop());
    const url = new URL(own.url);
    Object.assign(url, { username: "poor", password: "poor" });
    expect(await refusal({ DATABASE_URL: url.href })).toMatch(/lacks a permission/);
  });

  it("a journal of another shard count, as services and edges do, or one that another cluster uses", async () => {
    await engine();
    for (const role of ["engine", "services"])
      expect(await refusal({ SHARDS: "32", MOCK_GATEWAY_PORT: "0" }, role)).toMatch(
        /SHARDS is 32, but this journal was written with 64: set SHARDS=64/,
      );
    await (
      await asker()
    )({ type: "view", showtime: IN_SHARD_0 }); // By then it is served.
    const other = { SHARDS: "32", WS_PORT: "0" };
    expect(await refusal(other, "edge")).toMatch(/SHARDS is 32, but the engines have 64: set SHARDS=64/);
    const elsewhere = await startNatsServer();
    ends.push(() => elsewhere.stop());
    expect(await refusal({ NATS_URL: elsewhere.url })).toMatch(/not on this NATS use the same database/);
  });
});

describe("a role that NATS does not let hear a subject", { timeout: SLOW }, () => {
  it.each([
    ["engine", "engine.handovers", []],
    ["services", "catalog.>", ["engine"]],
    ["edge", "engine.notices", ["engine", "services"]],
  ] as const)("ends with one sentence that names it: the %s and %s", async (name, subject, before) => {
    const config = join(dataDir, `without-${name}.conf`);
    const conf = await readFile(join(import.meta.dirname, "../../deploy/nats/nats.conf"), "utf8");
    const [, rights = ""] = new RegExp(`user: ${name}\\n.*?subscribe: (\\[.*?\\])`, "s").exec(conf) ?? [];
    expect(rights).toContain(`"${subject}", `);
    const fewer = conf.replace(rights, rights.replace(`"${subject}", `, "")).replaceAll(/\$NATS_\w+/g, "secret");
    await writeFile(config, fewer);
    const [own, strict] = [await testDatabase(), await startNatsServer({ config })];
    ends.push(
      () => own.drop(),
      () => strict.stop(),
    );
    const more = (who: string): Settings => ({
      DATABASE_URL: own.url,
      NATS_URL: strict.url.replace("//", `//${who}:secret@`),
      MOCK_GATEWAY_PORT: "0",
      WS_PORT: "0",
      LOG_LEVEL: "fatal", // The log names every such subject, and the sentence the first.
    });
    for (const other of before) await role(other, more(other));
    expect(await refusal(more(name), name)).toContain(subject.replace(">", ""));
  });
});

it.each([
  ["an edge", "edge", /^SHARDS is 32, but the engines have 64: set SHARDS=64/],
  ["services", "services", /^SHARDS is 32, but this journal was written with 64: set SHARDS=64/],
] as const)(
  "%s before any engine: not ready, until one comes, which ends who has another shard count",
  { timeout: SLOW },
  async (_, name, sentence) => {
    const [own, ownNats] = [await testDatabase(), await startNatsServer()];
    ends.push(
      () => own.drop(),
      () => ownNats.stop(),
    );
    const more = settings({ DATABASE_URL: own.url, NATS_URL: ownNats.url, WS_PORT: "0", MOCK_GATEWAY_PORT: "0" });
    const [right, wrong] = [launch(name, more), launch(name, { ...more, SHARDS: "32" })];
    const readiness = async (launched: Launch): Promise<unknown> => {
      const [, url = ""] = await launched.said(/(?:metrics|API) +(http:\/\/[^/]*\/)/);
      const { checks } = (await (await fetch(`${url}health/ready`)).json()) as { checks: { shards: unknown } };
      return checks.shards;
    };
    for (const launched of [right, wrong]) {
      await launched.said(/^ready$/m);
      expect(await readiness(launched)).toEqual({ state: "down" });
    }
    await engine(more);
    expect((await wrong.ended).code).toBe(1);
    const [said, ...others] = wrong.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    expect(said).toMatch(sentence);
    expect(others).toEqual([]);
    await expect.poll(() => readiness(right), { timeout: PATIENCE_MS }).toEqual({ state: "up" });
  },
);

it("services end with one sentence beside services that have another event stream", { timeout: SLOW }, async () => {
  const [own, elsewhere] = [await testDatabase(), await startNatsServer()];
  ends.push(
    () => own.drop(),
    () => elsewhere.stop(),
  );
  const more = { DATABASE_URL: own.url, MOCK_GATEWAY_PORT: "0" };
  await engine(more);
  const first = await role("services", more);
  await role("services", more);
  for (const url of [elsewhere.url, ""])
    expect(await refusal({ ...more, NATS_URL: url }, "services")).toMatch(/another event stream use the same database/);
  await first.stop();
  await role("services", more);
});

it("two edges share a port, and the clients of one that is killed go on at the other", { timeout: SLOW }, async () => {
  const own = await testDatabase();
  ends.push(() => own.drop());
  const wsPort = await freePort();
  const more = { DATABASE_URL: own.url, MOCK_GATEWAY_PORT: "0", WS_PORT: String(wsPort) };
  await engine(more);
  const services = launch("services", more);
  const [, httpPort] = await services.said(/API +http:\/\/[^/]*:(\d+)\//);
  await services.said(/^ready$/m);
  const edges = [launch("edge", more), launch("edge", more)] as const;
  const connections = await Promise.all(
    edges.map(async (edge) => {
      const [, metrics = ""] = await edge.said(/metrics +(http:\S+)/);
      await edge.said(/^ready$/m);
      return async () => Number(/^usher_edge_connections\S* (\d+)/m.exec(await (await fetch(metrics)).text())?.[1]);
    }),
  );
  const rest = new Rest(Number(httpPort));
  const [showtime = ""] = await rest.showtimeIds();
  const { token } = await rest.guest();
  const clients = Array.from(
    { length: MANY },
    () => new UsherClient({ url: `ws://127.0.0.1:${wsPort}/v1`, WebSocket, token }),
  );
  for (const client of clients) ends.push(() => client.close());
  const halls = clients.map((client) => client.watch(showtime));
  await Promise.all([...clients.map((client) => client.connect()), ...halls.map((hall) => hall.ready)]);
  const shares = await Promise.all(connections.map((count) => count()));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(MANY);
  for (const share of shares) expect(share).toBeGreaterThan(0);

  edges[0].child.kill("SIGKILL");
  await edges[0].ended;
  await expect.poll(connections[1]!).toBe(MANY);
  const { seats } = await clients[0]!.holdBest(showtime, { count: 2 });
  const see = (): number => halls.filter(({ statuses }) => seats.every((seat) => statuses[seat] === HELD)).length;
  await expect.poll(see).toBe(MANY);
});

describe("engines whose clocks are five minutes apart", { timeout: SLOW }, () => {
  it.each([
    ["ahead of", FIVE_MINUTES_MS, 0],
    ["behind", 0, FIVE_MINUTES_MS],
  ])("keep a hold's time when the one that goes was %s the one that stays", async (_, goesBy, staysBy) => {
    const own = await testDatabase();
    ends.push(() => own.drop());
    const settings = (ms: number): Settings => ({ DATABASE_URL: own.url, ...withClock(ms) });
    const first = await engine(settings(goesBy));
    const ask = await asker();
    const showtime = showtimeId("st_clock");
    const holder = holderId("ann");
    const rid = (text: string): RequestId => text as RequestId; // Short enough.
    const rules = {
      salesStartAt: 0,
      salesEndAt: 2 ** 45,
      orphan: "none",
      accessibleRelease: { when: "always" },
    } as const;
    await ask({ type: "open", showtime, holder, rid: rid("open"), plan: smallHall(96), rules });
    const held = await ask({ type: "hold", showtime, holder, rid: rid("hold"), seats: [1, 2] });
    if (held.type !== "held") throw new Error(JSON.stringify(held));
    await engine(settings(staysBy));
    await first.stop();
    const found = await ask({ type: "get-hold", showtime, holder, hold: held.hold });
    if (found.type !== "hold") throw new Error(JSON.stringify(found));
    expect(found.seats).toEqual([1, 2]);
    expect(Math.abs(found.expiresInMs - held.expiresInMs)).toBeLessThan(TAKEOVER_MS);
    const again = await ask({ type: "hold", showtime, holder, rid: rid("hold"), seats: [1, 2] });
    expect(again).toMatchObject({ type: "held", hold: held.hold });
    const more = await ask({ type: "hold", showtime, holder: holderId("bob"), rid: rid("other"), seats: [2] });
    expect(more).toMatchObject({ type: "refused", code: "SEAT_TAKEN" });
  });
});

describe("services and an edge whose clocks are five minutes apart", { timeout: SLOW }, () => {
  it("take each other's tokens for as good as their own, and let nobody's time to pay run out", async () => {
    const own = await testDatabase();
    ends.push(() => own.drop());
    const more = { DATABASE_URL: own.url, MOCK_GATEWAY_PORT: "0", WS_PORT: "0", PAYMENT_TTL_SECONDS: "240" };
    let url = "";
    const rests: Rest[] = [];
    await engine(more);
    for (const ms of [FIVE_MINUTES_MS, 0, -FIVE_MINUTES_MS]) {
      await role("services", { ...more, ...withClock(ms) }, (line) => {
        const [, port] = /API +http:\/\/[^/]*:(\d+)\//.exec(line) ?? [];
        if (port !== undefined) rests.push(new Rest(Number(port)));
      });
    }
    await role("edge", { ...more, ...withClock(-FIVE_MINUTES_MS) }, (line) => {
      url ||= /WebSocket +(ws:\S+)/.exec(line)?.[1] ?? "";
    });
    const bookings: { id: string; token: string }[] = [];
    for (const [at, rest] of rests.entries()) {
      const { token } = await rest.guest();
      const client = new UsherClient({ url, WebSocket, token });
      ends.push(() => client.close());
      await client.connect();
      const { items } = (await rest.get<{ items: { id: string }[] }>("showtimes")).body;
      const [showtime] = items;
      if (showtime === undefined) throw new Error("no showtime");
      const { holdId } = await client.holdBest(showtime.id, { count: 2 });
      const { status, body } = await rests[(at + 1) % rests.length]!.post<{ id: string }>("bookings", {
        token,
        body: { holdId },
      });
      expect({ status, body }).toMatchObject({ status: 201 });
      bookings.push({ id: body.id, token });
    }
    await pause(2_000); // All of them look for what is due twice a second.
    for (const { id, token } of bookings) {
      for (const rest of rests)
        expect(await rest.get(`bookings/${id}`, { token })).toMatchObject({ status: 200, body: { status: "pending" } });
    }
  });
});

/** A machine whose clock is wrong. */
const withClock = (ms: number): Settings => ({
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`const now=Date.now;Date.now=()=>now()+${ms}`)}`,
});

/** As a service asks. */
async function asker(): Promise<(request: Command | Query) => Promise<Reply>> {
  const inboxPrefix = "_INBOX.services";
  const connection = await connectNats(nats.url, { name: "test", inboxPrefix });
  const bus = new NatsBus({ connection, inboxPrefix, clock: systemClock, log });
  ends.push(() => bus.close());
  const client = new EngineClient({
    bus,
    clock: systemClock,
    shards: SHARDS,
    sells: true,
    timeoutMs: 6e4,
    attemptTimeoutMs: 1e3,
    inFlightMax: 100,
  });
  return (request) => client.ask(request);
}

/** What PostgreSQL 13 says to a start and to every query, as far as anybody asks it. */
function oldPostgres(data: Buffer): Buffer {
  const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
    const body = Buffer.concat(parts);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length + 4);
    return Buffer.concat([Buffer.from(type), length, body]);
  };
  const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const text = (value: string): Buffer => Buffer.from(`${value}\0`);
  const ready = message("Z", Buffer.from("I"));
  if (data[0] === 0) {
    return Buffer.concat([message("R", int32(0)), message("S", text("server_version"), text("13.11")), ready]);
  }
  const columns = [
    ["number", 23, "130011"],
    ["name", 25, "13.11"],
  ] as const;
  const described = columns.map(([name, type]) =>
    Buffer.concat([text(name), int32(0), int16(0), int32(type), int16(-1), int32(-1), int16(0)]),
  );
  const values = columns.map(([, , value]) => Buffer.concat([int32(value.length), Buffer.from(value)]));
  return Buffer.concat([
    message("T", int16(columns.length), ...described),
    message("D", int16(columns.length), ...values),
    message("C", text("SELECT 1")),
    ready,
  ]);
}
