import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, { LogController, type FastifyBaseLogger } from "fastify";
import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import type { Registry } from "../metrics/index.ts";
import { errorHandler, failureNotes } from "./answers/errors.ts";
import { type HealthCheck, healthRoutes } from "./watching/health.ts";
import * as limits from "./limits.ts";
import { metricsRoutes } from "./watching/metrics.ts";
import { Problem, sendProblem } from "./answers/problem.ts";
import type { HttpServer } from "./server.ts";

/** For processes without a REST interface: `/health/live`, `/health/ready` and `/metrics`, and nothing else. */
export function createOpsServer(options: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly checks: readonly HealthCheck[];
}): HttpServer {
  const { clock, log, metrics, checks } = options;
  const loggerInstance: FastifyBaseLogger = log; // Else the server's type would be that of pino.
  const app: HttpServer = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.BODY_LIMIT,
    requestTimeout: limits.REQUEST_TIMEOUT_MS,
    connectionTimeout: limits.CONNECTION_TIMEOUT_MS,
    forceCloseConnections: "idle",
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setErrorHandler(errorHandler(failureNotes(clock)));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new Problem("NOT_FOUND", "There is nothing at this address."), request.id),
  );
  void app.register(healthRoutes({ checks, clock, log, metrics }));
  void app.register(metricsRoutes(metrics));
  return app;
}
