import type { Pool } from "pg";
import { ENGINE_MIGRATIONS } from "../../engine/index.ts";
import { EVENTS_SCHEMA, eventsMigrations } from "../../platform/events/index.ts";
import { createDatabase, migrate } from "../../platform/postgres/index.ts";
import { CATALOG_SCHEMA, catalogMigrations } from "../../services/catalog/index.ts";
import { HTTP_SCHEMA, httpMigrations } from "../../services/http/index.ts";
import { IDENTITY_SCHEMA, identityMigrations } from "../../services/identity/index.ts";

/** Brings every schema up to date. @throws DatabaseUnusable */
export async function migrateAll(pool: Pool): Promise<void> {
  const db = createDatabase<unknown>(pool);
  await migrate(db, "engine", ENGINE_MIGRATIONS);
  await migrate(db, EVENTS_SCHEMA, eventsMigrations);
  await migrate(db, HTTP_SCHEMA, httpMigrations);
  await migrate(db, IDENTITY_SCHEMA, identityMigrations);
  await migrate(db, CATALOG_SCHEMA, catalogMigrations);
}
