import type { FastifyInstance, onResponseHookHandler } from "fastify";
import { Counter, Histogram } from "prom-client";
import { Type } from "typebox";
import { ERRORS } from "../../../proto/index.ts";
import { DURATION_BUCKETS, type Registry } from "../../metrics/index.ts";
import type { Routes } from "../routes.ts";
import { isProbe } from "./probes.ts";

/** Counts and times every answer by its route's pattern: addresses themselves are without number. */
export function observeRequests(app: FastifyInstance, registry: Registry): void {
  const seconds = new Histogram({
    name: "usher_http_request_seconds",
    help: "Time from the request's headers to the end of its answer.",
    labelNames: ["method", "route", "status"],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  });
  // It is there from the start: what is first seen at many, as a series of a route is, has not grown to them.
  const failures = new Counter({
    name: "usher_http_failures_total",
    help: "Requests that were answered with a status of 500 or more, without those for health and metrics.",
    registers: [registry],
  });
  const observe = (route: string): onResponseHookHandler => {
    const counts = !isProbe(route);
    return (request, reply, done) => {
      const { method } = request;
      const status = reply.givenUp ? ERRORS.UNAVAILABLE.status : reply.statusCode;
      seconds.observe({ method, route, status }, reply.elapsedTime / 1000);
      if (counts && status >= 500) failures.inc();
      request.log.debug({ requestId: request.id, method, url: request.url, status }, "answered");
      done();
    };
  };
  // A request's `routeOptions` are put together anew each time that they are read, so each route has a hook that knows it.
  app.addHook("onRoute", (route) => {
    route.onResponse = [...[route.onResponse ?? []].flat(), observe(route.url)];
  });
  const observeStray = observe("none");
  app.addHook("onResponse", function (request, reply, done) {
    if (request.is404) observeStray.call(this, request, reply, done);
    else done();
  });
}

export const metricsRoutes =
  (registry: Registry): Routes =>
  async (app) => {
    let underWay: Promise<string> | undefined;
    /** Rendered once for all who ask meanwhile. */
    const text = (): Promise<string> =>
      (underWay ??= registry.metrics().finally(() => {
        underWay = undefined;
      }));
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
      async (_request, reply) => reply.type(registry.contentType).send(await text()),
    );
  };
