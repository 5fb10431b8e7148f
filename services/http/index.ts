/** The HTTP server that the services share, and what their routes are made with. */
export { varyOn } from "./cors.ts";
export { etagOf, isFresh } from "./etag.ts";
export { bearerToken, principalOf, requireRole, requireSignedIn } from "./guards.ts";
export { problemOf } from "./errors.ts";
export type { HealthCheck } from "./health.ts";
export { HTTP_SCHEMA, httpMigrations, idempotencyKeyOf, IdempotencyStore } from "./idempotency/index.ts";
export { decodeCursor, limitOf, pageOf } from "./paging.ts";
export { createOpsServer } from "./ops-server.ts";
export { Problem } from "./problem.ts";
export type { SharedCounts } from "./rate-limit/index.ts";
export type { Routes } from "./routes.ts";
export { createHttpServer, type HttpServer, type HttpServerOptions } from "./server.ts";
export { validatorCompiler } from "./validation.ts";
export type { WebSocketAddress } from "./web-app.ts";
