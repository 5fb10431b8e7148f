import { randomBytes } from "node:crypto";
import { type CompiledQuery, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** A superuser's URL of the one server that a run of the tests shares. */
    postgresUrl: string;
  }
}

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A database of its own on the server that `testing-server.ts` has started for this run. */
export async function testDatabase(): Promise<TestDatabase> {
  const server = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await execute(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `drop database if exists ${name} with (force)`) };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** With all that is asked of it, as it is asked. */
export function watchedDatabase<Tables>(pool: pg.Pool): { db: Kysely<Tables>; asked: readonly CompiledQuery[] } {
  const asked: CompiledQuery[] = [];
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), log: ({ query }) => void asked.push(query) });
  return { db, asked };
}

interface Plan {
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly Plan[];
}

/** How many rows of a table PostgreSQL looks at to answer, those included that are passed over. */
export async function rowsRead(pool: pg.Pool, table: string, { sql, parameters }: CompiledQuery): Promise<number> {
  const { rows } = await pool.query(`explain (analyze, format json) ${sql}`, [...parameters]);
  const readBy = ({ Plans = [], ...plan }: Plan): number =>
    (plan["Relation Name"] === table
      ? plan["Actual Loops"] * (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0))
      : 0) + Plans.reduce((sum, inner) => sum + readBy(inner), 0);
  return readBy(rows[0]["QUERY PLAN"][0].Plan);
}
