import type { Pool } from "pg";
import { ENGINE_MIGRATIONS } from "../../engine/index.ts";
import { createDatabase, migrate } from "../../platform/postgres/index.ts";

/** Brings the engine's schema up to date; without those of the services, which an engine does not load. @throws DatabaseUnusable */
export const migrateEngine = (pool: Pool): Promise<void> =>
  migrate(createDatabase<unknown>(pool), "engine", ENGINE_MIGRATIONS);
