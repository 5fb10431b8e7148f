export { BuiltOnce } from "./built-once.ts";
export { copyOut } from "./copy-out.ts";
export {
  claimDataDirectory,
  type EmbeddedPostgres,
  embeddedUrl,
  hasEmbedded,
  startEmbedded,
} from "./embedded/index.ts";
export {
  constraintOf,
  DatabaseUnusable,
  explainConnectionError,
  explainServerError,
  isDeadlock,
  isUndefinedTable,
} from "./errors.ts";
export type { Fixed } from "./fixed.ts";
export { Leadership } from "./leadership.ts";
export { migrate, type MigrateOptions, statements, vacuumOften } from "./migrate.ts";
export { createDatabase, createPool, KEEP_ALIVE, requireWritable } from "./pool.ts";
export { SessionLock } from "./session-lock.ts";
export { storableText } from "./storable-text.ts";
