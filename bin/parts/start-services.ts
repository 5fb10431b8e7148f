import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BusTokenVerifier } from "../../platform/auth/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import { type Config, requireDifferentPorts } from "../../platform/config/index.ts";
import type { EngineClient } from "../../platform/engine-client/index.ts";
import type { StartableEventStream } from "../../platform/events/index.ts";
import { urlHost } from "../../platform/network/index.ts";
import { systemRandom } from "../../platform/random/index.ts";
import { createBookingsService } from "../../services/bookings/index.ts";
import { createCatalogService } from "../../services/catalog/index.ts";
import {
  createHttpServer,
  type HealthCheck,
  IdempotencyStore,
  listenAt,
  type Routes,
  type WebSocketAddress,
} from "../../platform/http/index.ts";
import { createIdentityService } from "../../services/identity/index.ts";
import { createNotificationsService } from "../../services/notifications/index.ts";
import { createMockGatewayServer, createPaymentsService } from "../../services/payments/index.ts";
import { createTicketsService } from "../../services/tickets/index.ts";
import { answerWithDatabase } from "./database/answer-with-database.ts";
import type { RunningDatabase } from "./database/start-database.ts";
import type { Domain } from "./domains.ts";
import { requireFreePort } from "./ports/free-port.ts";
import { gatewayHost } from "./ports/gateway-host.ts";
import type { Role } from "./role.ts";
import type { Shared } from "./start-redis.ts";
import { startVerifier } from "./start-verifier.ts";

/** Connections that wait to be taken, where the system allows so many. Of Node's 511, a crowd that comes at once sees some reset. */
const BACKLOG = 10_000;

interface Options {
  readonly domains: readonly Domain[];
  readonly database: RunningDatabase;
  readonly bus: Bus;
  readonly stream: StartableEventStream;
  readonly engine: EngineClient;
  /** With other processes, where there is Redis. */
  readonly shared: Shared | undefined;
  readonly checks: readonly HealthCheck[];
  /** Asked at each request: it is known only once it listens. */
  webSocketPort(): number;
}

export interface RunningServices {
  readonly verifier: BusTokenVerifier;
  readonly httpPort: number;
  /** The mock gateway's, where this process runs it. */
  readonly gatewayUrl: string | undefined;
}

/** What the composition needs to know of a domain. */
interface Service {
  readonly routes: Routes;
  /** Routes without the prefix of the API. */
  readonly atRoot?: Routes;
  start(): Promise<unknown>;
  stop(): Promise<void>;
}

/** The domains of this process, one HTTP server for all of them, and the mock gateway where no other is named. */
export async function startServices(role: Role, options: Options): Promise<RunningServices> {
  const { config, clock, log, metrics, lifecycle, context } = role;
  const { domains, database, stream, engine } = options;
  // Where no other process could answer instead, whoever asks may as well wait.
  const bus = config.natsUrl === undefined ? options.bus : await answerWithDatabase(role, options.bus, database.url);
  const random = systemRandom;
  const common = { pool: database.pool, bus, stream, clock, random, log, metrics, config };
  let httpPort = config.httpPort;
  const ownUrl = (): string => config.publicUrl ?? `http://${urlHost(config.host)}:${httpPort}`;

  // It is next door: what it tells us need not go through whatever stands in front of us.
  const webhookUrl = (): string => `http://${urlHost(config.host)}:${httpPort}/api/v1/payments/webhooks/mock`;
  const gateway = createMockGatewayServer({ ...common, config: { ...config, host: gatewayHost(config) }, webhookUrl });
  if (runsGateway(config, domains)) {
    await lifecycle.start({ name: "mock gateway", start: () => gateway.start(), stop: () => gateway.stop() });
  }

  const services: Readonly<Record<Domain, () => Service>> = {
    identity: () => {
      const identity = createIdentityService({
        ...common,
        announceAdmin: ({ email, password, generated }) =>
          context.print(`  admin      ${email}${generated ? `  password ${password}  (shown this once)` : ""}`),
      });
      return { ...identity, atRoot: identity.wellKnown };
    },
    catalog: () =>
      createCatalogService({ ...common, engine, demo: config.mockPayments, mark: options.shared?.catalogMark }),
    payments: () => createPaymentsService({ ...common, mockGatewayUrl: () => config.mockGatewayUrl ?? gateway.ownUrl }),
    bookings: () => {
      const bookings = createBookingsService({ ...common, engine });
      return { ...bookings, atRoot: bookings.graphql };
    },
    tickets: () => {
      const tickets = createTicketsService(common);
      return { ...tickets, atRoot: tickets.wellKnown };
    },
    notifications: () => createNotificationsService({ ...common, publicUrl: ownUrl }),
  };

  const running: Service[] = [];
  for (const domain of domains) {
    const service = services[domain]();
    running.push(service);
    await lifecycle.start({ name: domain, start: () => service.start(), stop: () => service.stop() });
  }
  const verifier = await startVerifier(role, bus);
  // Every consumer is there now: what a crash left in an outbox is told to all of them.
  await lifecycle.start({ name: "events", start: () => stream.start(), stop: () => stream.stop() });

  const webRoot = fileURLToPath(new URL("web/", context.dist));
  const app = await createHttpServer({
    config,
    version: context.version,
    clock,
    random,
    log,
    metrics,
    verifier,
    idempotency: new IdempotencyStore({ pool: database.pool, clock, random }),
    checks: options.checks,
    webSocket: () => webSocketAddress(config, options.webSocketPort()),
    trustedProxies: config.trustedProxies,
    sharedCounts: options.shared?.counts,
    ...(existsSync(webRoot) && { webRoot }),
  });
  for (const { routes, atRoot } of running) {
    await app.register(routes, { prefix: "/api/v1" });
    if (atRoot !== undefined) await app.register(atRoot);
  }
  httpPort = await lifecycle.start({
    name: "http",
    start: () => listenAt(app, { setting: "HTTP_PORT", host: config.host, port: config.httpPort, backlog: BACKLOG }),
    stop: async () => {
      await app.drain();
      await app.close();
    },
  });
  return { verifier, httpPort, gatewayUrl: runsGateway(config, domains) ? gateway.url : undefined };
}

/** Where browsers reach the WebSocket that listens at `port`. */
const webSocketAddress = ({ publicWsUrl, trustedProxies }: Config, port: number): WebSocketAddress => ({
  port,
  sameEntry: trustedProxies.length > 0,
  ...(publicWsUrl !== undefined && { url: publicWsUrl }),
});

/** Where the process runs the mock gateway, its port has to be free, and none of the `others`. @throws ConfigError | ExplainedError */
export async function requireGatewayPort(
  config: Config,
  domains: readonly Domain[],
  others: readonly ("httpPort" | "wsPort")[],
): Promise<void> {
  if (!runsGateway(config, domains)) return;
  requireDifferentPorts(config, [...others, "mockGatewayPort"]);
  await requireFreePort("MOCK_GATEWAY_PORT", gatewayHost(config), config.mockGatewayPort);
}

/** Whether a process with these domains runs the mock gateway: with payments, where no other is named. */
const runsGateway = ({ mockGatewayUrl }: Config, domains: readonly Domain[]): boolean =>
  mockGatewayUrl === undefined && domains.includes("payments");
