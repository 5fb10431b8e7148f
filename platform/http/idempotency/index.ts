export { addIdempotency, idempotencyKeyOf } from "./hooks.ts";
export { HTTP_SCHEMA, httpMigrations } from "./schema.ts";
export { IdempotencyStore } from "./store.ts";
