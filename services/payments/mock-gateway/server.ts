import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from "fastify";
import type { Pool } from "pg";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Config } from "../../../platform/config/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { urlHost } from "../../../platform/network/index.ts";
import { Poller } from "../../../platform/poller/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { listenAt, validatorCompiler } from "../../../platform/http/index.ts";
import { mockGatewaySecret } from "../gateways/gateway-secret.ts";
import { WebhookKey } from "../webhooks/webhook-key.ts";
import { Courier } from "./courier.ts";
import type { Faults } from "./faults.ts";
import { MockLedger, Refused } from "./ledger.ts";
import { CONNECTION_BOUNDS, DECISIONS_AT_ONCE, SWEEP_EVERY_MS } from "./limits.ts";
import { apiRoutes, faultRoutes, pageRoutes, requireSecret } from "./routes.ts";
import { MOCK_GATEWAY_SCHEMA, type MockGatewayTables } from "./tables.ts";

export interface MockGatewayServerOptions {
  /** Its database's schema `mock_gateway` is to be migrated before `start` is called. */
  readonly pool: Pool;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly config: Pick<
    Config,
    "host" | "publicUrl" | "dataDir" | "mockGatewayPort" | "mockGatewaySecret" | "mockGatewayUrl"
  >;
  /** Where its webhooks go, asked whenever one is due; undefined: not known yet, they wait. */
  webhookUrl(): string | undefined;
  /** What differs from `CONNECTION_BOUNDS`. */
  readonly bounds?: Partial<typeof CONNECTION_BOUNDS>;
}

export interface MockGatewayServer {
  /** Where buyers reach it, from `start` on. */
  readonly url: string;
  /** Where who shares its machine does, from `start` on. */
  readonly ownUrl: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** What goes wrong from now on; also `PUT /v1/faults`. */
  setFaults(faults: Faults): void;
}

/** A payment gateway that moves no money. It keeps its own books, so that it goes on after a crash with what it owed. */
export function createMockGatewayServer(options: MockGatewayServerOptions): MockGatewayServer {
  const { pool, clock, random, log, config, webhookUrl } = options;
  const db = createDatabase<MockGatewayTables>(pool).withSchema(MOCK_GATEWAY_SCHEMA);
  const ledger = new MockLedger({ db, clock, random });
  let faults: Faults = {};
  let secret = "";
  let url = "";
  let ownUrl = "";
  let key: WebhookKey | undefined;
  const courier = new Courier({ db, clock, log, webhookUrl, key: () => (key ??= new WebhookKey(secret)) });
  const sending = new Poller({
    what: "sending webhooks",
    everyMs: SWEEP_EVERY_MS,
    clock,
    log,
    work: () => courier.deliver(),
  });
  const deciding = new Poller({
    what: "deciding payments",
    everyMs: SWEEP_EVERY_MS,
    clock,
    log,
    async work() {
      const { shuffleWebhooksMs = 0, webhookCopies = 0 } = faults;
      const decided = await ledger.decide({ copiesMin: webhookCopies, shuffleMs: shuffleWebhooksMs });
      if (decided > 0) sending.nudge();
      return decided === DECISIONS_AT_ONCE;
    },
  });
  let app: FastifyInstance | undefined;

  return {
    get url() {
      return url;
    },
    get ownUrl() {
      return ownUrl;
    },
    setFaults(wanted) {
      faults = wanted;
    },
    async start() {
      secret = mockGatewaySecret(config, random);
      app = server(log, { ...CONNECTION_BOUNDS, ...options.bounds });
      const nudge = () => deciding.nudge();
      const set = (wanted: Faults) => void (faults = wanted);
      await app.register(
        async (api) => {
          requireSecret(api, secret);
          await api.register(faultRoutes({ get: () => faults, set }));
          await api.register(apiRoutes({ ledger, clock, nudge, url: () => url, faults: () => faults }));
        },
        { prefix: "/v1" },
      );
      await app.register(pageRoutes({ ledger, nudge }));
      const port = await listenAt(app, {
        setting: "MOCK_GATEWAY_PORT",
        host: config.host,
        port: config.mockGatewayPort,
      });
      ownUrl = `http://${urlHost(config.host)}:${port}`;
      const { publicUrl, mockGatewayUrl } = config;
      url = mockGatewayUrl ?? (publicUrl === undefined ? ownUrl : `http://${new URL(publicUrl).hostname}:${port}`);
      await courier.releaseAll();
      deciding.start();
      sending.start();
    },
    async stop() {
      await app?.close();
      await deciding.stop();
      await sending.stop();
    },
  };
}

function server(log: Logger, bounds: typeof CONNECTION_BOUNDS) {
  const loggerInstance: FastifyBaseLogger = log; // Else the server's type would be that of pino.
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    requestTimeout: bounds.requestTimeoutMs,
    connectionTimeout: bounds.connectionTimeoutMs,
    // Node takes the longer of the two for the request's, and looks for those that are late only so often.
    http: { headersTimeout: bounds.requestTimeoutMs, connectionsCheckingInterval: bounds.requestTimeoutMs / 2 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.maxConnections = bounds.connectionsMax;
  app.setValidatorCompiler(validatorCompiler());
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof Refused) return reply.code(error.status).send({ code: error.code, message: error.message });
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, "the mock gateway failed");
    const message = status < 500 && error instanceof Error ? error.message : "Something went wrong.";
    return reply.code(status).send({ code: status < 500 ? "BAD_REQUEST" : "INTERNAL", message });
  });
  return app;
}

const statusOf = (error: unknown): number =>
  error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
