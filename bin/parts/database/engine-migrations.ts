import type { Pool } from "pg";
import { ENGINE_MIGRATIONS } from "../../../engine/index.ts";
import { createDatabase, migrate, type MigrateOptions } from "../../../platform/postgres/index.ts";

/** Brings the engine's schema up to date; without those of the services, which an engine does not load. @throws DatabaseUnusable */
export const migrateEngine = (pool: Pool, options?: MigrateOptions): Promise<void> =>
  migrate(createDatabase<unknown>(pool), "engine", ENGINE_MIGRATIONS, options);
