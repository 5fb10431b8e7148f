import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type RawServerDefault,
} from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TokenVerifier } from "../auth/index.ts";
import type { Clock } from "../clock/index.ts";
import type { Config } from "../config/index.ts";
import type { Logger } from "../log/index.ts";
import type { Registry } from "../metrics/index.ts";
import type { RandomBytes } from "../random/index.ts";
import { OwnCounts, type SharedCounts } from "../window-counts/index.ts";
import { answerBrokenRequest } from "./requests/broken-request.ts";
import { Closing } from "./lifetime/closing.ts";
import { allowOrigins } from "./answers/cors.ts";
import { describe } from "./description.ts";
import { errorHandler, failureNotes, problemOf } from "./answers/errors.ts";
import { limitHandlers } from "./lifetime/handler-deadline.ts";
import { endOnHangUp } from "./lifetime/hang-ups.ts";
import { type HealthCheck, healthRoutes } from "./watching/health.ts";
import { addIdempotency, type IdempotencyStore } from "./idempotency/index.ts";
import { acceptJson } from "./requests/json-body.ts";
import * as limits from "./limits.ts";
import { MethodsByPath } from "./answers/method-not-allowed.ts";
import { metricsRoutes, observeRequests } from "./watching/metrics.ts";
import { Problem, sendProblem } from "./answers/problem.ts";
import { limitRequests, limitShares, type Shares } from "./rate-limit/index.ts";
import { readFirst } from "./requests/read-first.ts";
import { RequestIds } from "./requests/request-id.ts";
import { securityHeaders } from "./answers/security-headers.ts";
import { serializerFactory, validatorCompiler } from "./requests/validation.ts";
import { webApp, type WebSocketAddress } from "./web-app.ts";

export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface HttpServerOptions {
  readonly config: Pick<Config, "requestsPerSecond" | "allowedOrigins">;
  /** The program's, for the API's description. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly verifier: TokenVerifier;
  readonly idempotency: IdempotencyStore;
  /** What readiness depends on. */
  readonly checks: readonly HealthCheck[];
  readonly webSocket: () => WebSocketAddress;
  /** The folder of the built web page, if there is one. */
  readonly webRoot?: string;
  /** Addresses of proxies whose `X-Forwarded-For` is believed; without, the peer's address is the client's. */
  readonly trustedProxies?: readonly string[];
  /** Where the requests of an address are counted together with those that other processes get; without, each counts its own. */
  readonly sharedCounts?: SharedCounts | undefined;
  /** Default: `CONNECTION_TIMEOUT_MS`. */
  readonly connectionTimeoutMs?: number;
  /** Of one network. Default: `SHARES`. */
  readonly shares?: Shares;
}

/**
 * The server that all domains share: register their routes under `/api/v1`, then `listen`. `close()` lets what is in
 * flight finish, `drain()` before it while the port is still open. Every refusal it sends, whatever went wrong, is problem+json with the request's id.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { clock, random, log, metrics, verifier } = options;
  const loggerInstance: FastifyBaseLogger = log; // Else the server's type would be that of pino.
  const requestIds = new RequestIds(random);
  const app: HttpServer = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger, // Lines name their request themselves: a logger for each costs more than many answers.
    genReqId: (request) => requestIds.of(request),
    bodyLimit: limits.BODY_LIMIT,
    requestTimeout: limits.REQUEST_TIMEOUT_MS,
    connectionTimeout: options.connectionTimeoutMs ?? limits.CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_TIMEOUT_MS,
    // Without a Host, Node would answer by itself, and with nothing but a status; the hook below says what is wrong.
    http: {
      headersTimeout: limits.HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: limits.ARRIVED_LOOK_EVERY_MS,
      requireHostHeader: false,
    },
    schemaController: { compilersFactory: { buildSerializer: serializerFactory() } },
    routerOptions: { maxParamLength: limits.PARAM_LENGTH_MAX },
    forceCloseConnections: "idle",
    return503OnClosing: false,
    ...(options.trustedProxies ? { trustProxy: [...options.trustedProxies] } : {}),
    frameworkErrors: (error, request, reply) => {
      void reply.header("x-request-id", request.id);
      void sendProblem(reply, problemOf(error), request.id);
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, random),
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.server.maxConnections = limits.CONNECTIONS_MAX;
  app.setValidatorCompiler(validatorCompiler());
  acceptJson(app);
  app.decorate("verifier", verifier);
  app.decorateRequest("principal", null);
  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("x-request-id", request.id);
    done(wrongOf(request));
  });
  const noteFailure = failureNotes(clock);
  app.decorate("noteFailure", noteFailure);
  const untilAnswered = limitHandlers(app, clock, noteFailure);
  endOnHangUp(app);
  app.addHook("preHandler", readFirst());
  observeRequests(app, metrics);

  const methods = new MethodsByPath();
  app.addHook("onRoute", (route) => methods.add(route));
  app.addHook("onRequest", await securityHeaders());
  await allowOrigins(app, options.config.allowedOrigins);
  limitShares(app, options.shares ?? limits.SHARES, options.trustedProxies ?? []);
  const limit = limitRequests(app, {
    own: new OwnCounts({ clock, keysMax: limits.RATE_LIMIT_ADDRESSES_MAX }),
    shared: options.sharedCounts,
    max: options.config.requestsPerSecond,
    windowMs: 1_000,
  });
  app.setErrorHandler(errorHandler(noteFailure));
  app.setNotFoundHandler({ preHandler: limit }, (request, reply) => methods.refuse(request, reply));

  addIdempotency(app, { store: options.idempotency, clock, log });
  const closing = new Closing(clock);
  closing.addTo(app, untilAnswered);
  await describe(app, options.version);
  await app.register(healthRoutes({ checks: options.checks, clock, log, metrics, closing }));
  await app.register(metricsRoutes(metrics));
  await app.register(webApp({ root: options.webRoot, webSocket: options.webSocket }));
  return app;
}

/** What no route has to look for. (HTTP/1.0 needs no Host.) */
function wrongOf({ url, raw }: FastifyRequest): Problem | undefined {
  if (url.includes("%00")) return new Problem("BAD_MESSAGE", "The address holds a NUL character.");
  if (raw.headers.host !== undefined || raw.httpVersion !== "1.1") return undefined;
  return new Problem("BAD_MESSAGE", "An HTTP/1.1 request names its Host.");
}
