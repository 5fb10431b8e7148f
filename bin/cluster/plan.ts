/** Which programs make a cluster on this machine, with what they are told. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Config, SETTING_NAMES } from "../../platform/config/index.ts";
import { freePorts, isLoopback, urlHost } from "../../platform/network/index.ts";
import type { Context } from "../context.ts";
import { gatewayHost } from "../parts/ports/gateway-host.ts";
import { ownOrigins } from "../parts/ports/own-origins.ts";
import type { DatabaseUrls } from "./database-users.ts";
import type { Program } from "./process-under-watch.ts";
import type { Secrets } from "./secrets.ts";

const NATS_SERVERS = 3;
const READY = /^ready$/;
const HERE = "127.0.0.1";
/** All share this machine. When it is full, seats are held and shown first; who pays waits a little. */
const YIELDING = new Set(["services", "gateway"]);
const NICENESS = 10;
/** Each of Usher's roles is told its own. */
const OWN = ["DATABASE_URL", "NATS_URL", "REDIS_URL", "MOCK_GATEWAY_SECRET"];
/** Services alone need them. */
const SECRETS = ["USHER_ADMIN_PASSWORD", "SMTP_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"];
/** The others take what an engine left first: to start takes a core for a second. */
const ENGINE_AGAIN_MS = 1_500;

export interface Plan {
  /** What all others need, started first and all at once: they wait for each other. */
  readonly servers: readonly Program[];
  /** Usher's own roles but edges, started one group after another. */
  readonly roles: readonly (readonly Program[])[];
  /** They start last of all roles, and stop at once: each serves its clients until they have left for another. */
  readonly edges: readonly Program[];
  /** In front of all: it starts last, and ends after those behind it have said goodbye through it. */
  readonly entry: Program;
  readonly natsUrl: string;
}

export interface Sizes {
  readonly engines: number;
  readonly edges: number;
  readonly services: number;
}

interface Options {
  readonly config: Config;
  readonly context: Context;
  readonly databaseUrls: DatabaseUrls;
  readonly secrets: Secrets;
  readonly sizes: Sizes;
}

export async function makePlan(options: Options): Promise<Plan> {
  const home = join(options.config.dataDir, "cluster");
  const ground: Ground = {
    ...options,
    home,
    logs: folder({ home }, "logs"),
    entryUrl: entryUrlOf(options.config),
    ports: await choosePorts(options),
  };
  const services = serviceRoles(ground);
  return {
    servers: [...natsServers(ground), redisServer(ground)],
    roles: [engineRoles(ground), [gatewayRole(ground), ...services.slice(0, 1)], services.slice(1)],
    edges: edgeRoles(ground),
    entry: entryProgram(ground),
    natsUrl: natsUrl(ground, "operator"),
  };
}

/** Where each program listens on this machine. */
async function choosePorts({ config, sizes }: Options) {
  const { httpPort, wsPort, httpsPort, mockGatewayPort } = config;
  const { engines, edges, services } = sizes;
  const ports = await freePorts(2 * NATS_SERVERS + 2 + engines + 2 * edges + services, [
    httpPort,
    wsPort,
    httpsPort,
    mockGatewayPort,
  ]);
  const take = (count: number): readonly number[] => ports.splice(0, count);
  const [redis = 0, gateway = 0] = take(2);
  return {
    nats: take(NATS_SERVERS),
    routes: take(NATS_SERVERS),
    redis,
    gateway: mockGatewayPort || gateway,
    engines: take(engines),
    services: take(services),
    edges: take(edges),
    /** Ports of their health and metrics. */
    edgesOps: take(edges),
  };
}

/** What all programs of a cluster share. */
interface Ground extends Options {
  readonly home: string;
  readonly logs: string;
  readonly ports: Awaited<ReturnType<typeof choosePorts>>;
  /** Where buyers find the cluster. */
  readonly entryUrl: string;
}

const entryUrlOf = ({ publicUrl, host, httpPort }: Config): string =>
  publicUrl ?? `http://${urlHost(host)}:${httpPort}`;

const deployed = ({ context }: Ground, path: string): string =>
  fileURLToPath(new URL(`../deploy/${path}`, context.dist));

/** One of the program's own, which is there from now on. */
function folder({ home }: Pick<Ground, "home">, name: string): string {
  const path = join(home, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** One that is not Usher's, unless `rest` says so: our settings are none of its business. */
const program = (ground: Ground, name: string, rest: Omit<Program, "name" | "logFile">): Program => ({
  name,
  withheld: SETTING_NAMES,
  ...rest,
  logFile: join(ground.logs, `${name}.log`),
});

/** One of Usher's roles. */
function usher(ground: Ground, name: string, role: string, env: Record<string, string>): Program {
  const { config, context } = ground;
  return program(ground, name, {
    command: process.execPath,
    args: [fileURLToPath(new URL("bin/usher.js", context.dist)), role],
    env: { HOST: HERE, LOG_LEVEL: config.logLevel, ...env },
    withheld: role === "services" ? OWN : [...OWN, ...SECRETS],
    ready: READY,
    ...(YIELDING.has(role) && { niceness: NICENESS }),
    ...(role === "engine" && { againMs: ENGINE_AGAIN_MS }),
  });
}

/** All servers, with the rights of a user. */
const natsUrl = ({ ports, secrets }: Ground, user: keyof Secrets["nats"]): string =>
  ports.nats.map((port) => `nats://${user}:${secrets.nats[user]}@${HERE}:${port}`).join(",");

/** What services and edges are told alike. */
const sharedEnv = ({ config, ports, entryUrl }: Ground) => ({
  REDIS_URL: `redis://${HERE}:${ports.redis}`,
  TRUSTED_PROXIES: [HERE, ...config.trustedProxies].join(","),
  PUBLIC_URL: entryUrl,
});

function natsServers(ground: Ground): Program[] {
  const { ports, secrets } = ground;
  const routes = ports.routes.map((port) => `nats://routes:${secrets.routes}@${HERE}:${port}`);
  const env = {
    NATS_ENGINE_PASSWORD: secrets.nats.engine,
    NATS_EDGE_PASSWORD: secrets.nats.edge,
    NATS_SERVICES_PASSWORD: secrets.nats.services,
    NATS_OPERATOR_PASSWORD: secrets.nats.operator,
    NATS_ROUTE_PASSWORD: secrets.routes,
    NATS_ROUTES: JSON.stringify(routes),
  };
  return ports.nats.map((port, at) => {
    const name = `nats-${at + 1}`;
    return program(ground, name, {
      command: "nats-server",
      args: [
        "--config",
        deployed(ground, "nats/cluster.conf"),
        "--name",
        name,
        "--addr",
        HERE,
        "--port",
        String(port),
        "--store_dir",
        folder(ground, name),
      ],
      env: { ...env, NATS_ROUTE_LISTEN: `${HERE}:${ports.routes[at]}` },
      ready: /Server is ready/,
    });
  });
}

const redisServer = (ground: Ground): Program =>
  program(ground, "redis", {
    command: "redis-server",
    args: [
      deployed(ground, "redis/redis.conf"),
      "--bind",
      HERE,
      "--port",
      String(ground.ports.redis),
      "--dir",
      folder(ground, "redis"),
    ],
    env: {},
    ready: /Ready to accept connections/,
  });

function gatewayRole(ground: Ground): Program {
  const { config, databaseUrls, ports, secrets, entryUrl } = ground;
  return usher(ground, "gateway", "gateway", {
    DATABASE_URL: databaseUrls.gateway,
    HOST: gatewayHost(config), // Buyers open its pages.
    MOCK_GATEWAY_PORT: String(ports.gateway),
    PUBLIC_URL: entryUrl,
    MOCK_GATEWAY_SECRET: secrets.gateway,
  });
}

function engineRoles(ground: Ground): Program[] {
  const { databaseUrls, ports } = ground;
  return ports.engines.map((port, at) => {
    const name = `engine-${at + 1}`;
    return usher(ground, name, "engine", {
      DATABASE_URL: databaseUrls.engine,
      NATS_URL: natsUrl(ground, "engine"),
      HTTP_PORT: String(port),
      DATA_DIR: folder(ground, name),
    });
  });
}

function serviceRoles(ground: Ground): Program[] {
  const { config, databaseUrls, ports, secrets } = ground;
  return ports.services.map((port, at) =>
    usher(ground, `services-${at + 1}`, "services", {
      ...sharedEnv(ground),
      DATABASE_URL: databaseUrls.services,
      NATS_URL: natsUrl(ground, "services"),
      HTTP_PORT: String(port),
      DATA_DIR: config.dataDir,
      WS_PORT: String(config.wsPort),
      // Where it listens itself says nothing about who may register a webhook: everybody comes through the entry.
      WEBHOOK_PRIVATE_ADDRESSES: String(config.webhookPrivateAddresses ?? isLoopback(config.host)),
      MOCK_GATEWAY_URL: `http://${urlHost(gatewayHost(config))}:${ports.gateway}`,
      MOCK_GATEWAY_SECRET: secrets.gateway,
    }),
  );
}

function edgeRoles(ground: Ground): Program[] {
  const { config, ports } = ground;
  const { host, httpPort, wsPort, httpsPort, allowedOrigins } = config;
  const origins = [
    ...allowedOrigins,
    ...ownOrigins("http", host, httpPort),
    ...ownOrigins("http", host, wsPort),
    ...ownOrigins("https", host, httpsPort),
  ];
  return ports.edges.map((port, at) => {
    const name = `edge-${at + 1}`;
    return usher(ground, name, "edge", {
      ...sharedEnv(ground),
      NATS_URL: natsUrl(ground, "edge"),
      HTTP_PORT: String(ports.edgesOps[at]),
      WS_PORT: String(port),
      DATA_DIR: folder(ground, name),
      ALLOWED_ORIGINS: origins.join(","),
    });
  });
}

function entryProgram(ground: Ground): Program {
  const { config, home, ports, secrets } = ground;
  const { host, httpPort, wsPort, httpsPort } = config;
  const backends = join(home, "backends.cfg");
  writeFileSync(backends, backendsOf(ports.services, ports.edges));
  return program(ground, "haproxy", {
    command: "haproxy",
    args: ["-db", "-f", deployed(ground, "haproxy/haproxy.cfg"), "-f", backends],
    env: {
      USHER_HTTP_BIND: `${host}:${httpPort}`,
      USHER_WS_BIND: `${host}:${wsPort}`,
      USHER_TLS_BIND: `${host}:${httpsPort}`,
      USHER_TLS_CERT: secrets.certificateFile,
    },
    ready: { host, port: httpPort },
    drainSignal: "SIGUSR1",
  });
}

/** The second file of HAProxy: the same backends as in deploy/haproxy/backends.cfg, with the servers of this machine. */
function backendsOf(services: readonly number[], edges: readonly number[]): string {
  const servers = (name: string, ports: readonly number[], options = ""): string =>
    ports
      .map((each, at) => `  server ${name}-${at + 1} ${HERE}:${each} check inter 500ms fall 2 rise 1${options}`)
      .join("\n");
  return [
    "backend services from to-services",
    servers("services", services, " on-marked-down shutdown-sessions"),
    "",
    "backend unready from to-unready",
    servers("services", services),
    "",
    "backend edges from to-edges",
    servers("edge", edges),
    "",
    "backend unready-edges from to-unready-edges",
    servers("edge", edges),
    "",
  ].join("\n");
}
