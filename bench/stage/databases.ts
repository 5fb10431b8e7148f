/** PostgreSQL for a stage: one embedded server, a database for each who asks. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { every, systemClock, type Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { type EmbeddedPostgres, startEmbedded } from "../../platform/postgres/index.ts";
import { BenchError } from "../bench-error.ts";

/** How often it is looked for. */
const LOOK_EVERY_MS = 250;

export interface Databases {
  /** Makes an empty one; answers its URL. */
  create(): Promise<string>;
  /** From here on statements are counted, which costs each of them some microseconds: to be called before the first `create`. */
  countStatements(): void;
  /** The server's; undefined while it does not run. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** @param onDeath told once, when the server ends that nobody has stopped: a new one comes by itself, and its figures would be another's */
export function createDatabases(dataDir: string, log: Logger, onDeath: (error: BenchError) => void): Databases {
  let server: Promise<EmbeddedPostgres> | undefined;
  let pid: number | undefined;
  let looking: Timer | undefined;
  let counts = false;
  let made = 0;
  const start = async (): Promise<EmbeddedPostgres> => {
    let started = await startEmbedded({ dataDir, log, clock: systemClock });
    if (counts) {
      // Its module is loaded at the start of the server alone.
      await run(started.url, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
      await started.stop();
      started = await startEmbedded({ dataDir, log, clock: systemClock });
    }
    // PostgreSQL writes its process's id into the first line.
    pid = Number((await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n")[0]);
    looking = every(systemClock, LOOK_EVERY_MS, look);
    return started;
  };
  const look = (): void => {
    if (pid === undefined || isThere(pid)) return;
    looking?.cancel();
    onDeath(new BenchError("PostgreSQL ended in the middle of the run: see why (out of memory?), and run it again."));
  };
  return {
    async create() {
      const { url } = await (server ??= start());
      const name = `bench_${++made}`;
      await run(url, `CREATE DATABASE ${name}`);
      const created = new URL(url);
      created.pathname = `/${name}`;
      if (counts) await run(created.href, "CREATE EXTENSION pg_stat_statements");
      return created.href;
    },
    countStatements() {
      counts = true;
    },
    get pid() {
      return pid;
    },
    async stop() {
      looking?.cancel();
      await (await server?.catch(() => undefined))?.stop();
    },
  };
}

/** Statements that this database has carried out, those that begin and end transactions among them. */
export async function statementsOf(database: string): Promise<number> {
  const [row] = await run<{ calls: string | null }>(
    database,
    "SELECT sum(calls) AS calls FROM pg_stat_statements JOIN pg_database ON oid = dbid WHERE datname = current_database()",
  );
  return Number(row?.calls ?? 0);
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function run<Row extends pg.QueryResultRow>(url: string, statement: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined); // It is ended at once; PostgreSQL may be quicker.
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}
