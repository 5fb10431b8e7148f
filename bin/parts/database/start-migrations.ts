import type { Pool } from "pg";
import type { MigrateOptions } from "../../../platform/postgres/index.ts";
import type { Role } from "../role.ts";
import { withDatabase } from "./database.ts";

/**
 * Brings schemas up to date before the role works on them; over a pool of its own, since a migration may take longer than anything else is
 * waited for, as an index on the guests of a year does.
 * @throws DatabaseUnusable
 */
export const startMigrations = (
  { log, clock, lifecycle }: Required<MigrateOptions> & Pick<Role, "lifecycle">,
  url: string,
  migrateOver: (pool: Pool, options: MigrateOptions) => Promise<void>,
): Promise<void> =>
  lifecycle.start({
    name: "migrations",
    start: () =>
      withDatabase({ url, stop: () => Promise.resolve() }, { name: "usher-migrate", max: 2, log }, (pool) =>
        migrateOver(pool, { log, clock }),
      ),
  });
