/** A user of PostgreSQL for each role that needs one, as deploy/postgres/roles.sql has it. */
import { readFileSync } from "node:fs";
import type { Pool } from "pg";
import { hasCode } from "../../platform/error-code/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { createPool } from "../../platform/postgres/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";

const ROLES = ["engine", "services", "gateway"] as const;

export type DatabasePasswords = Readonly<Record<(typeof ROLES)[number], string>>;
/** What each role has as `DATABASE_URL`. */
export type DatabaseUrls = Readonly<Record<(typeof ROLES)[number], string>>;

interface Options {
  /** With the user that makes the others. */
  readonly url: string;
  readonly passwords: DatabasePasswords;
  /** As in `Context`. */
  readonly dist: URL;
  readonly log: Logger;
}

/** SQLSTATE, PostgreSQL's manual, appendix A. */
const INSUFFICIENT_PRIVILEGE = "42501";

/**
 * Makes the users where they are missing, and hands each what is its own. @returns undefined where the user in `url` may not, or the server does
 * not let the others in
 * @throws ExplainedError where another cluster is at work, which new passwords would lock out
 */
export async function databaseUsers({ url, passwords, dist, log }: Options): Promise<DatabaseUrls | undefined> {
  const script = readFileSync(new URL("../deploy/postgres/roles.sql", dist), "utf8");
  const pool = createPool({ connectionString: url, max: 1, name: "usher-users", log });
  try {
    const { rows } = await pool.query<{ name: string }>("SELECT current_database() AS name");
    const users = ROLES.map((role) => ({ role, user: `${rows[0]?.name}_${role}` }));
    const urls = Object.fromEntries(
      users.map(({ role, user }) => [role, urlOf(url, user, passwords[role])]),
    ) as DatabaseUrls; // Of every role.
    const comeIn = async (): Promise<boolean> => {
      for (const { role, user } of users) if (!(await comesIn(urls[role], user, log))) return false;
      return true;
    };
    const names = users.map(({ user }) => user);
    if ((await areInUse(pool, names)) && !(await comeIn()))
      throw new ExplainedError("Another cluster uses this database: give each cluster a database of its own.");
    const isLet = await run(pool, script, passwords);
    return isLet && (await comeIn()) ? urls : undefined;
  } finally {
    await pool.end();
  }
}

function urlOf(url: string, user: string, password: string): string {
  const own = new URL(url);
  own.username = encodeURIComponent(user);
  own.password = password;
  return own.href;
}

/** Whether the server takes it, and for that user: it may know its users by something else than passwords. */
async function comesIn(url: string, user: string, log: Logger): Promise<boolean> {
  const pool = createPool({ connectionString: url, max: 1, name: "usher-look", log });
  try {
    return (await pool.query<{ name: string }>("SELECT current_user AS name")).rows[0]?.name === user;
  } catch {
    return false;
  } finally {
    await pool.end();
  }
}

async function areInUse(pool: Pool, users: readonly string[]): Promise<boolean> {
  return (await pool.query("SELECT FROM pg_stat_activity WHERE usename = ANY($1)", [users])).rows.length > 0;
}

/** On the pool's one connection. @returns whether it was let */
async function run(pool: Pool, script: string, passwords: DatabasePasswords): Promise<boolean> {
  for (const role of ROLES)
    await pool.query("SELECT set_config($1, $2, false)", [`usher.${role}_password`, passwords[role]]);
  try {
    await pool.query(script);
    return true;
  } catch (error) {
    if (hasCode(error, INSUFFICIENT_PRIVILEGE)) return false;
    throw error;
  }
}
