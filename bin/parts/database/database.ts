import type { Pool } from "pg";
import type { Config } from "../../../platform/config/index.ts";
import { systemClock } from "../../../platform/clock/index.ts";
import { ExplainedError, messageOf } from "../../../platform/explained/index.ts";
import { exitOnSignals } from "../../../platform/lifecycle/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import {
  createPool,
  DatabaseUnusable,
  embeddedUrl,
  explainConnectionError,
  hasEmbedded,
  isUndefinedTable,
  startEmbedded,
} from "../../../platform/postgres/index.ts";

export interface Database {
  readonly url: string;
  /** Ends what was started for it; a server that ran before goes on. */
  stop(): Promise<void>;
}

/** The database of the settings; without `DATABASE_URL` the embedded one, started for as long as it is wanted. @throws DatabaseUnusable */
export async function openDatabase(config: Config, log: Logger): Promise<Database> {
  if (config.databaseUrl === undefined) return startEmbedded({ dataDir: config.dataDir, log, clock: systemClock });
  const unreachable = await whyUnreachable(config.databaseUrl, log);
  if (unreachable !== undefined) throw unreachable;
  return { url: config.databaseUrl, stop: () => Promise.resolve() };
}

/**
 * The same for a look at what an Usher has, which may be running: then its embedded server is used as it is. One that is started for the look
 * ends with it, also where a signal cuts it short. Where there are no databases none are made.
 */
export async function openDatabaseBeside(config: Config, log: Logger): Promise<Database> {
  if (config.databaseUrl !== undefined || hasEmbedded(config.dataDir)) return openOrMakeDatabaseBeside(config, log);
  throw new ExplainedError(
    `There is no database in ${config.dataDir}: set DATA_DIR to the directory of the Usher that you ask about, or DATABASE_URL.`,
  );
}

/** And where there are none, they are made. */
export async function openOrMakeDatabaseBeside(config: Config, log: Logger): Promise<Database> {
  const url = config.databaseUrl === undefined ? embeddedUrl(config.dataDir) : undefined;
  if (url !== undefined && (await whyUnreachable(url, log)) === undefined)
    return { url, stop: () => Promise.resolve() };
  if (config.databaseUrl === undefined) exitOnSignals(process);
  return openDatabase(config, log);
}

interface Use {
  readonly name: string;
  readonly max?: number;
  readonly log: Logger;
  /** What is said where nobody has migrated the database yet. */
  readonly ifEmpty?: string;
}

/** Works on a database over a pool of its own, and ends both. @throws ExplainedError */
export async function withDatabase(
  database: Database,
  { name, max = 1, log, ifEmpty }: Use,
  work: (pool: Pool) => Promise<void>,
): Promise<void> {
  const pool = createPool({ connectionString: database.url, max, name, log });
  try {
    await work(pool);
  } catch (error) {
    if (ifEmpty !== undefined && isUndefinedTable(error)) throw new ExplainedError(ifEmpty);
    throw explainConnectionError(error) ?? error;
  } finally {
    await pool.end();
    await database.stop();
  }
}

async function whyUnreachable(connectionString: string, log: Logger): Promise<Error | undefined> {
  const pool = createPool({ connectionString, max: 1, name: "usher-look", log });
  try {
    await pool.query("SELECT 1");
    return undefined;
  } catch (error) {
    const reason = messageOf(error).trim();
    const sentence = `PostgreSQL cannot be used as DATABASE_URL has it: correct it, or the server (${reason}).`;
    return explainConnectionError(error) ?? new DatabaseUnusable(sentence, { cause: error });
  } finally {
    await pool.end();
  }
}
