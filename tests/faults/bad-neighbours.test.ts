/** Servers that cannot be used, a second cluster on the same database, and roles that were started in another way than those beside them. */
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import pg from "pg";
import { startNatsServer } from "../../platform/bus/testing.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { shardOf, showtimeId } from "../../proto/index.ts";
import { portOf } from "../../platform/testing/port-of.ts";
import { freePort, type Launch, type Settings } from "../support/usher-process.ts";
import { asker, ends, engine, launch, place, prepareRoles, refusal, role, settings, SLOW } from "./roles.ts";
import { PATIENCE_MS, SHARDS } from "./world.ts";

const IN_SHARD_0 = showtimeId(
  `st_${[...Array(1_000).keys()].find((at) => shardOf(showtimeId(`st_${at}`), SHARDS) === 0)}`,
);
prepareRoles();

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
    const config = join(place.dataDir, "nats.conf");
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
        const config = join(place.dataDir, `nats-${at}.conf`);
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
    const url = new URL(place.databaseUrl);
    url.password = "hunter2";
    const said = await refusal({ DATABASE_URL: url.href });
    expect(said).toMatch(/refuses the password in DATABASE_URL: correct it/);
    expect(said).not.toContain("hunter2");
  });

  it("a PostgreSQL that permits it nothing", async () => {
    const client = new pg.Client({ connectionString: place.databaseUrl });
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
    const config = join(place.dataDir, `without-${name}.conf`);
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
  const others = [elsewhere.url, ""].map((url) => refusal({ ...more, NATS_URL: url }, "services"));
  for (const said of await Promise.all(others)) expect(said).toMatch(/another event stream use the same database/);
  await first.stop();
  await role("services", more);
});

it(
  "an engine ends with one sentence at the database of an `usher all`, which sells on",
  { timeout: SLOW },
  async () => {
    const own = await testDatabase();
    ends.push(() => own.drop());
    const more = { DATABASE_URL: own.url, MOCK_GATEWAY_PORT: "0", WS_PORT: "0" };
    const all = async (): Promise<Launch> => {
      const launched = launch("all", { ...more, NATS_URL: "" });
      await launched.said(/^ready$/m);
      return launched;
    };
    const killed = await all();
    killed.child.kill("SIGKILL");
    await killed.ended;
    const shop = await all(); // At once, and beside its own row of before.
    expect(await refusal(more)).toMatch(/not on this NATS use the same database/);
    const [, url] = await shop.said(/page +(http:\/\/[^/]*\/)/);
    expect((await fetch(`${url}health/ready`)).status).toBe(200);
    shop.child.kill("SIGTERM");
    expect((await shop.ended).code).toBe(0);
    await engine(more);
  },
);

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
