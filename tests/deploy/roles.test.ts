/**
 * Every role as its container runs it: the image's files, the command and the variables of docker-compose.yml, with the addresses of
 * other containers replaced by those of real servers on this machine. Then a ticket is bought.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import pg from "pg";
import { WebSocket } from "ws";
import { RestClient, UsherClient } from "../../client/index.ts";
import { type TestDatabase, testDatabase } from "../../platform/postgres/testing.ts";
import { freePort } from "../support/usher-process.ts";
import { type ComposeService, type Environment, madeEnvironment, readCompose, rolesOf, ROOT } from "./compose-file.ts";
import { buildImage, entrypoint, type Image, imageEnvironment } from "./image.ts";
import { metricsNamedIn } from "./metrics-named.ts";
import { Program } from "./programs.ts";

const TIMEOUT_MS = 120_000;
const ROLES = ["engine", "gateway", "services", "edge"] as const;
/** They end by themselves. `certificate` is run in certificate.test.ts. */
const TOOLS = ["migrate", "shards", "certificate"] as const;
/** The default of `SHARDS`. */
const SHARDS = 64;

const compose = readCompose({ ...madeEnvironment(), ENTRY_ADDRESS: "127.0.0.1" });
const home = mkdtempSync(join(tmpdir(), "usher-deploy-"));
const programs = new Map<string, Program>();
/** Promises, for several may ask where one is before that is found. */
const addresses = new Map<string, Promise<string>>();
let database: TestDatabase;
let image: Image;

const serviceOf = (name: string): ComposeService => compose.services[name] ?? { image: "" };

/** Where a container's port is on this machine. */
function addressOf(host: string, port: string): Promise<string> {
  const key = `${host}:${port}`;
  const known = addresses.get(key) ?? freePort().then((free) => `127.0.0.1:${free}`);
  addresses.set(key, known);
  return known;
}

/** A text of the Compose file, with the addresses and the paths of this machine. */
async function here(name: string, text: string): Promise<string> {
  const hosts = [...Object.keys(compose.services), "0\\.0\\.0\\.0"].join("|");
  let result = text;
  for (const [found, host = "", port = ""] of text.matchAll(new RegExp(`\\b(${hosts}):(\\d+)\\b`, "g"))) {
    result = result.replace(found, await addressOf(host === "0.0.0.0" ? name : host, port));
  }
  for (const mount of serviceOf(name).volumes ?? []) {
    const [source = "", target = ""] = mount.split(":");
    if (source.startsWith("./")) result = result.replace(target, join(ROOT, source));
  }
  return result.replace(/=\/data$/, `=${folder(name)}`);
}

function folder(name: string): string {
  const path = join(home, name);
  mkdirSync(path, { recursive: true });
  return path;
}

async function allHere(name: string, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const text of texts) found.push(await here(name, text));
  return found;
}

async function environmentOf(name: string): Promise<Environment> {
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(serviceOf(name).environment ?? {})) env[key] = await here(name, value);
  return env;
}

async function startNats(): Promise<void> {
  const names = ["nats-1", "nats-2", "nats-3"];
  await Promise.all(
    names.map(async (name) => {
      const { entrypoint: first = [], command = [] } = serviceOf(name);
      const [, client] = (await addressOf(name, "4222")).split(":");
      const args = await allHere(name, [...first, ...command]);
      programs.set(
        name,
        await Program.start({
          name,
          env: { ...(await environmentOf(name)), NATS_MONITORING: `127.0.0.1:${await freePort()}` },
          ready: /Server is ready/,
          command: [...args, "--addr", "127.0.0.1", "--port", client ?? ""],
        }),
      );
    }),
  );
}

async function startRedis(): Promise<void> {
  const [, port] = (await addressOf("redis", "6379")).split(":");
  const command = await allHere("redis", serviceOf("redis").command ?? []);
  programs.set(
    "redis",
    await Program.start({
      name: "redis",
      env: {},
      ready: /Ready to accept connections/,
      command: [...command, "--bind", "127.0.0.1", "--port", port ?? ""],
    }),
  );
}

/** What a role's container would be started with. */
async function launchOf(role: string) {
  const { command = [] } = serviceOf(role);
  const env = { ...imageEnvironment(), ...(await environmentOf(role)) };
  const [, httpPort] = (await addressOf(role, "8080")).split(":");
  const [, wsPort] = (await addressOf(role, "8081")).split(":");
  const [, gatewayPort] = (await addressOf("gateway", "8090")).split(":");
  return {
    name: role,
    command: [process.execPath, ...entrypoint().slice(1), ...command],
    cwd: image.directory,
    env: {
      ...env,
      HOST: "127.0.0.1",
      HTTP_PORT: httpPort ?? "",
      WS_PORT: wsPort ?? "",
      DATA_DIR: folder(role),
      ...("MOCK_GATEWAY_PORT" in env && { MOCK_GATEWAY_PORT: gatewayPort ?? "" }),
      ...("DATABASE_URL" in env && { DATABASE_URL: databaseUrlOf(env["DATABASE_URL"]) }),
      ...(role === "gateway" && { PUBLIC_URL: `http://${await addressOf("services", "8080")}` }),
      ...(role === "services" && { SMTP_URL: "" }),
    },
  };
}

/** The same user on the test's database: they are named for it. */
function databaseUrlOf(url = ""): string {
  const { username, password } = new URL(url);
  if (username === "usher") return database.url;
  const here = new URL(database.url);
  here.username = username.replace("usher", here.pathname.slice(1));
  here.password = password;
  return here.href;
}

beforeAll(async () => {
  image = buildImage();
  database = await testDatabase();
  await startNats();
  await startRedis();
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([...programs.values()].map((program) => program.stop()));
  image.remove();
  await database.drop();
  rmSync(home, { recursive: true, force: true });
}, TIMEOUT_MS);

describe("with the commands and the variables of the Compose file", () => {
  it("every one of Usher's image is run", () => {
    expect(
      rolesOf(compose)
        .map(([name]) => name)
        .sort(),
    ).toEqual([...ROLES, ...TOOLS].sort());
  });

  it("the database has its users, twice", async () => {
    const { environment: { PGOPTIONS: options } = {}, volumes = [] } = serviceOf("roles");
    const client = new pg.Client({ connectionString: database.url, options });
    await client.connect();
    try {
      for (let time = 0; time < 2; time++)
        await client.query(readFileSync(join(ROOT, volumes[0]?.split(":")[0] ?? ""), "utf8"));
    } finally {
      await client.end();
    }
  });

  it("the database is migrated", { timeout: TIMEOUT_MS }, async () => {
    expect(await Program.run(await launchOf("migrate"))).toMatchObject({
      code: 0,
      output: expect.stringContaining("The database is up to date."),
    });
  });

  it.each(ROLES)("%s starts", { timeout: TIMEOUT_MS }, async (role) => {
    programs.set(role, await Program.start({ ...(await launchOf(role)), ready: /^ready$/m }));
  });

  it("each of them says that it is ready where its health check asks", async () => {
    for (const role of ["engine", "services", "edge"]) {
      const base = `http://${await addressOf(role, "8080")}`;
      expect((await fetch(`${base}/health/live`)).status, role).toBe(200);
      const ready = () => fetch(`${base}/health/ready`).then(async (got) => [role, got.status, await got.text()]);
      // An edge is, once it has heard from an engine.
      await expect
        .poll(ready, { timeout: TIMEOUT_MS / 4 })
        .toEqual([role, 200, expect.stringContaining('"status":"ready"')]);
    }
  });

  it("every counter whose growth an alert looks at is there before the first: one that appears has not grown", async () => {
    const alerts = readFileSync(join(ROOT, "deploy/prometheus/alerts.yml"), "utf8");
    const grows = [...alerts.matchAll(/(?:rate|increase)\((\w+)(?:\{(.*?)\})?\[/g)];
    expect(grows.length).toBeGreaterThan(10);
    const texts = ["engine", "services", "edge"].map(async (role) =>
      (await fetch(`http://${await addressOf(role, "8080")}/metrics`)).text(),
    );
    const fresh = (await Promise.all(texts)).join("\n").split("\n");
    for (const [, name = "", selector = ""] of grows) {
      // What failures are held against: a route has no series before its first request.
      if (name === "usher_http_request_seconds_count" && !selector.includes("status")) continue;
      const wanted = [...selector.matchAll(/(\w+)=~?"([^"]*)"/g)];
      const values = wanted.flatMap(([, label, any = ""]) => any.split("|").map((value) => `${label}="${value}"`));
      for (const value of values.length > 0 ? values : [""])
        expect(
          fresh.some((line) => line.startsWith(name) && line.includes(value)),
          `${name} ${value}`,
        ).toBe(true);
    }
  });

  it("shards tells of every shard", { timeout: TIMEOUT_MS }, async () => {
    const metrics = `http://${await addressOf("engine", "8080")}/metrics`;
    const serving = new RegExp(`^usher_engine_shards_serving\\S* ${SHARDS}$`, "m");
    await expect.poll(() => fetch(metrics).then((got) => got.text()), { timeout: TIMEOUT_MS / 4 }).toMatch(serving);
    const { code, output } = await Program.run(await launchOf("shards"));
    const lines = output.trim().split("\n");
    const header = lines.findIndex((line) => line.startsWith("shard, its engine"));
    expect(lines.slice(header + 1).map((line) => line.trim().replaceAll(/ +/g, " "))).toEqual(
      Array.from({ length: SHARDS }, (_, shard) => expect.stringMatching(`^${shard} #1 e\\d+ \\d+/\\d+$`)),
    );
    expect([code, output]).toEqual([0, expect.not.stringContaining("No engine")]);
  });

  it("a ticket is bought, with no more rights on NATS than each role has", { timeout: TIMEOUT_MS }, async () => {
    const base = `http://${await addressOf("services", "8080")}`;
    const rest = new RestClient(base);
    const { accessToken } = await rest.guest();
    const [showtime] = await rest.showtimes();
    const edge = `ws://${await addressOf("edge", "8081")}/v1`;
    const client = new UsherClient({ url: edge, WebSocket, token: accessToken, encoding: "msgpack" });
    await client.connect();
    const hall = client.watch(showtime!.id);
    await hall.ready;
    const { holdId, seats } = await client.holdBest(showtime!.id, { count: 2 });
    const booked = new Promise((resolve) => client.on("booked", resolve));

    const call = async (path: string, body?: object): Promise<Record<string, unknown>> => {
      const response = await fetch(`${base}/api/v1/${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          authorization: `Bearer ${accessToken}`,
          ...(body !== undefined && { "content-type": "application/json", "idempotency-key": `${path}-once` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      expect(response.ok, `${path}: ${response.status}`).toBe(true);
      return (await response.json()) as Record<string, unknown>;
    };
    const { id } = await call("bookings", { holdId });
    await call(`bookings/${String(id)}/payments`, { method: "mock", token: "tok_ok" });
    await booked;
    await expect.poll(async () => (await call(`bookings/${String(id)}`))["status"]).toBe("confirmed");
    const tickets = () => call(`bookings/${String(id)}/tickets`).then(({ items }) => (items as unknown[]).length);
    await expect.poll(tickets, { timeout: TIMEOUT_MS / 4 }).toBe(2);
    await expect.poll(() => seats.map((seat) => hall.statuses[seat])).toEqual([2, 2]);
    client.close();
    for (const [name, { output }] of programs)
      expect([name, /.*violation.*/i.exec(output)?.[0]]).toEqual([name, undefined]);
  });

  it("every metric that a dashboard or an alert names is one that a role has, and the guide tells of all", async () => {
    const types = new Map<string, string>();
    for (const role of ["engine", "services", "edge"]) {
      const text = await (await fetch(`http://${await addressOf(role, "8080")}/metrics`)).text();
      for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) types.set(name, type);
    }
    const known = new Set(
      [...types].flatMap(([name, type]) =>
        (type === "histogram" ? ["_bucket", "_count", "_sum"] : [""]).map((suffix) => `${name}${suffix}`),
      ),
    );
    const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
    const alerts = read("deploy/prometheus/alerts.yml");
    const dashboards = readdirSync(join(ROOT, "deploy/grafana/dashboards"));
    expect(dashboards.sort()).toEqual(["edges.json", "engine.json", "saga.json", "sales.json"]);
    for (const text of [alerts, ...dashboards.map((file) => read(`deploy/grafana/dashboards/${file}`))]) {
      const named = [...metricsNamedIn(text)];
      expect(named.length).toBeGreaterThan(3);
      expect(named.filter((name) => name !== "up" && !known.has(name))).toEqual([]);
    }

    const guide = read("docs/guides/operating.md");
    const told = new Set([...guide.matchAll(/\b(usher_[a-z_]+)\b/g)].map(([, name]) => name));
    expect(told).toEqual(new Set([...types.keys()].filter((name) => name.startsWith("usher_"))));
    for (const [, alert] of alerts.matchAll(/- alert: (\w+)/g)) expect(guide).toContain(`\`${alert}\``);
  });

  it.each([...ROLES].reverse())("SIGTERM ends %s in good order", { timeout: TIMEOUT_MS }, async (role) => {
    expect(await programs.get(role)?.stop()).toBe(0);
  });
});
