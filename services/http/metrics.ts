import type { FastifyInstance } from "fastify";
import { Histogram } from "prom-client";
import { Type } from "typebox";
import { DURATION_BUCKETS, type Registry } from "../../platform/metrics/index.ts";
import type { Routes } from "./routes.ts";

/** Counts and times every answer by its route's pattern: addresses themselves are without number. */
export function observeRequests(app: FastifyInstance, registry: Registry): void {
  const seconds = new Histogram({
    name: "usher_http_request_seconds",
    help: "Time from the request's headers to the end of its answer.",
    labelNames: ["method", "route", "status"],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.is404 ? "none" : (request.routeOptions.url ?? "none");
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    request.log.debug(
      { requestId: request.id, method: request.method, url: request.url, status: reply.statusCode },
      "answered",
    );
    done();
  });
}

export const metricsRoutes =
  (registry: Registry): Routes =>
  async (app) => {
    app.get(
      "/metrics",
      {
        config: { rateLimit: false },
        schema: {
          operationId: "getMetrics",
          tags: ["operations"],
          summary: "Metrics of this process, as Prometheus reads them",
          response: { 200: { description: "Text.", content: { "text/plain": { schema: Type.String() } } } },
        },
      },
      async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
    );
  };
