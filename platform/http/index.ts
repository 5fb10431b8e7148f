/** The HTTP server of every process: the services' routes are made with it, engines and edges answer health and metrics. */
export { varyOn } from "./answers/cors.ts";
export { etagOf, isFresh, namesTag } from "./answers/etag.ts";
export { bodyOptional } from "./requests/json-body.ts";
export { bearerToken, principalOf, requireRole, requireSignedIn } from "./requests/guards.ts";
export { problemOf } from "./answers/errors.ts";
export type { HealthCheck } from "./watching/health.ts";
export { HTTP_SCHEMA, httpMigrations, idempotencyKeyOf, IdempotencyStore } from "./idempotency/index.ts";
export { byTime, decodeCursor, limitOf, pageByTime, pageOf, TimePlace } from "./requests/paging.ts";
export { listenAt } from "./listen-at.ts";
export { createOpsServer } from "./ops-server.ts";
export { Problem } from "./answers/problem.ts";
export type { Routes } from "./routes.ts";
export { createHttpServer, type HttpServer } from "./server.ts";
export { validatorCompiler } from "./requests/validation.ts";
export type { WebSocketAddress } from "./web-app.ts";
