import type { Pool } from "pg";
import { createDatabase, migrate, type MigrateOptions } from "../../../platform/postgres/index.ts";
import { type Domain, DOMAINS, SCHEMAS_OF, SHARED_SCHEMAS } from "../domains.ts";
import { migrateEngine } from "./engine-migrations.ts";

/** Brings every schema up to date. @throws DatabaseUnusable */
export async function migrateAll(pool: Pool, options?: MigrateOptions): Promise<void> {
  await migrateEngine(pool, options);
  await migrateDomains(pool, DOMAINS, options);
}

/** The schemas of these domains, and those that all share. */
export async function migrateDomains(pool: Pool, domains: readonly Domain[], options?: MigrateOptions): Promise<void> {
  const db = createDatabase<unknown>(pool);
  for (const schemas of [SHARED_SCHEMAS, ...domains.map((domain) => SCHEMAS_OF[domain])]) {
    for (const [schema, migrations] of Object.entries(schemas)) await migrate(db, schema, migrations, options);
  }
}
