import type { Pool } from "pg";
import { createPool } from "../../../platform/postgres/index.ts";
import type { HealthCheck } from "../../../platform/http/index.ts";
import { type Database, openDatabase } from "./database.ts";
import { ExplainedError } from "../../../platform/explained/index.ts";
import type { Role } from "../role.ts";
import { goByPostgres } from "./shared-time.ts";

const POOL_MAX = 24;
/** Longer than any request is worked on. Migrations have no such limit. */
const ANSWER_WITHIN_MS = 60_000;

export interface RunningDatabase {
  readonly url: string;
  readonly pool: Pool;
  readonly checks: readonly HealthCheck[];
}

/** The database of the settings, or the embedded one. @throws DatabaseUnusable */
export async function startDatabase(role: Role): Promise<RunningDatabase> {
  const { config, log, lifecycle } = role;
  const database: Database = await lifecycle.start({
    name: "database",
    start: () => openDatabase(config, log),
    stop: (started) => started.stop(),
  });
  const pool = await lifecycle.start({
    name: "pool",
    start: () =>
      createPool({
        connectionString: database.url,
        max: POOL_MAX,
        name: "usher",
        log,
        answerWithinMs: ANSWER_WITHIN_MS,
      }),
    stop: (started) => started.end(),
  });
  await goByPostgres(role, pool);
  const check = async (): Promise<void> => void (await pool.query("SELECT 1"));
  return { url: database.url, pool, checks: [{ name: "postgresql", check }] };
}

/** Roles that run apart share one database, so it cannot be embedded in one of them. @throws ExplainedError */
export function requireDatabaseUrl({ config }: Pick<Role, "config">, role: string): void {
  if (config.databaseUrl !== undefined) return;
  throw new ExplainedError(
    `\`usher ${role}\` shares one PostgreSQL with the other roles: set DATABASE_URL, such as postgres://user:password@host:5432/usher.`,
  );
}
