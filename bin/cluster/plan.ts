/** Which programs make a cluster on this machine, with what they are told. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../../platform/config/index.ts";
import { isLoopback, urlHost } from "../../platform/network/index.ts";
import type { Context } from "../context.ts";
import { gatewayHost } from "../parts/gateway-host.ts";
import { ownOrigins } from "../parts/own-origins.ts";
import type { DatabaseUrls } from "./database-users.ts";
import type { Program } from "./process-under-watch.ts";
import type { Secrets } from "./secrets.ts";
import { freePorts } from "../../platform/network/index.ts";

const NATS_SERVERS = 3;
const READY = /^ready$/;
const HERE = "127.0.0.1";
/** All share this machine. When it is full, seats are held and shown first; who pays waits a little. */
const YIELDING = new Set(["services", "gateway"]);
const NICENESS = 10;
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

export async function makePlan({ config, context, databaseUrls, secrets, sizes }: Options): Promise<Plan> {
  const { engines, edges, services } = sizes;
  const home = join(config.dataDir, "cluster");
  const deploy = (path: string): string => fileURLToPath(new URL(`../deploy/${path}`, context.dist));
  const folder = (name: string): string => {
    const path = join(home, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const logs = folder("logs");
  const program = (name: string, rest: Omit<Program, "name" | "logFile">): Program => ({
    name,
    ...rest,
    logFile: join(logs, `${name}.log`),
  });

  const ports = await freePorts(2 * NATS_SERVERS + 2 + engines + 2 * edges + services, [
    config.httpPort,
    config.wsPort,
    config.httpsPort,
    config.mockGatewayPort,
  ]);
  const port = (): number => ports.pop() ?? 0;
  const natsPorts = Array.from({ length: NATS_SERVERS }, port);
  const routePorts = Array.from({ length: NATS_SERVERS }, port);
  const natsFor = (user: keyof Secrets["nats"]): string =>
    natsPorts.map((each) => `nats://${user}:${secrets.nats[user]}@${HERE}:${each}`).join(",");
  const routes = routePorts.map((each) => `nats://routes:${secrets.routes}@${HERE}:${each}`);
  const natsEnv = {
    NATS_ENGINE_PASSWORD: secrets.nats.engine,
    NATS_EDGE_PASSWORD: secrets.nats.edge,
    NATS_SERVICES_PASSWORD: secrets.nats.services,
    NATS_OPERATOR_PASSWORD: secrets.nats.operator,
    NATS_ROUTE_PASSWORD: secrets.routes,
    NATS_ROUTES: JSON.stringify(routes),
  };
  const nats = natsPorts.map((each, at) =>
    program(`nats-${at + 1}`, {
      command: "nats-server",
      args: [
        "--config",
        deploy("nats/cluster.conf"),
        "--name",
        `nats-${at + 1}`,
        "--addr",
        HERE,
        "--port",
        String(each),
        "--store_dir",
        folder(`nats-${at + 1}`),
      ],
      env: { ...natsEnv, NATS_ROUTE_LISTEN: `${HERE}:${routePorts[at]}` },
      ready: /Server is ready/,
    }),
  );
  const redisPort = port();
  const redis = program("redis", {
    command: "redis-server",
    args: [deploy("redis/redis.conf"), "--bind", HERE, "--port", String(redisPort), "--dir", folder("redis")],
    env: {},
    ready: /Ready to accept connections/,
  });

  const gatewayPort = config.mockGatewayPort || port();
  const usher = (name: string, role: string, env: Record<string, string>): Program =>
    program(name, {
      command: process.execPath,
      args: [fileURLToPath(new URL("bin/usher.js", context.dist)), role],
      env: { ...unset(["DATABASE_URL", "NATS_URL", "REDIS_URL"]), HOST: HERE, LOG_LEVEL: config.logLevel, ...env },
      ready: READY,
      ...(YIELDING.has(role) && { niceness: NICENESS }),
      ...(role === "engine" && { againMs: ENGINE_AGAIN_MS }),
    });
  const entryUrl = config.publicUrl ?? `http://${urlHost(config.host)}:${config.httpPort}`;
  const shared = {
    REDIS_URL: `redis://${HERE}:${redisPort}`,
    TRUSTED_PROXIES: [HERE, ...config.trustedProxies].join(","),
    PUBLIC_URL: entryUrl,
  };
  const gateway = usher("gateway", "gateway", {
    DATABASE_URL: databaseUrls.gateway,
    HOST: gatewayHost(config), // Buyers open its pages.
    MOCK_GATEWAY_PORT: String(gatewayPort),
    PUBLIC_URL: entryUrl,
    MOCK_GATEWAY_SECRET: secrets.gateway,
  });
  const engineRoles = Array.from({ length: engines }, (_, at) =>
    usher(`engine-${at + 1}`, "engine", {
      DATABASE_URL: databaseUrls.engine,
      NATS_URL: natsFor("engine"),
      HTTP_PORT: String(port()),
      DATA_DIR: folder(`engine-${at + 1}`),
    }),
  );
  const servicePorts = Array.from({ length: services }, port);
  const serviceRoles = servicePorts.map((each, at) =>
    usher(`services-${at + 1}`, "services", {
      ...shared,
      DATABASE_URL: databaseUrls.services,
      NATS_URL: natsFor("services"),
      HTTP_PORT: String(each),
      DATA_DIR: config.dataDir,
      WS_PORT: String(config.wsPort),
      // Where it listens itself says nothing about who may register a webhook: everybody comes through the entry.
      WEBHOOK_PRIVATE_ADDRESSES: String(config.webhookPrivateAddresses ?? isLoopback(config.host)),
      MOCK_GATEWAY_URL: `http://${urlHost(gatewayHost(config))}:${gatewayPort}`,
      MOCK_GATEWAY_SECRET: secrets.gateway,
    }),
  );
  const edgePorts = Array.from({ length: edges }, port);
  const origins = [
    ...ownOrigins("http", config.host, config.httpPort),
    ...ownOrigins("http", config.host, config.wsPort),
    ...ownOrigins("https", config.host, config.httpsPort),
  ];
  const edgeRoles = edgePorts.map((each, at) =>
    usher(`edge-${at + 1}`, "edge", {
      ...shared,
      NATS_URL: natsFor("edge"),
      HTTP_PORT: String(port()),
      WS_PORT: String(each),
      DATA_DIR: folder(`edge-${at + 1}`),
      ALLOWED_ORIGINS: [...config.allowedOrigins, ...origins].join(","),
    }),
  );

  const backends = join(home, "backends.cfg");
  writeFileSync(backends, backendsOf(servicePorts, edgePorts));
  const entry = program("haproxy", {
    command: "haproxy",
    args: ["-db", "-f", deploy("haproxy/haproxy.cfg"), "-f", backends],
    env: {
      USHER_HTTP_BIND: `${config.host}:${config.httpPort}`,
      USHER_WS_BIND: `${config.host}:${config.wsPort}`,
      USHER_TLS_BIND: `${config.host}:${config.httpsPort}`,
      USHER_TLS_CERT: secrets.certificateFile,
      USHER_STATS_SOCKET: join(home, "haproxy.sock"),
    },
    ready: { host: config.host, port: config.httpPort },
    drainSignal: "SIGUSR1",
  });
  return {
    servers: [...nats, redis],
    roles: [engineRoles, [gateway, ...serviceRoles.slice(0, 1)], serviceRoles.slice(1)],
    edges: edgeRoles,
    entry,
    natsUrl: natsFor("operator"),
  };
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
  ].join("\n");
}

/** Settings of the supervisor that are not the children's. */
const unset = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, ""]));
