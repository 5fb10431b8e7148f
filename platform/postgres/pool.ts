import type { Socket } from "node:net";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Logger } from "../log/index.ts";
import { PreparedStatements } from "./prepared-statements.ts";

interface PoolOptions {
  readonly connectionString: string;
  /** Connections at most. */
  readonly max: number;
  /** Shown as `application_name` in `pg_stat_activity` and in our log. */
  readonly name: string;
  readonly log: Logger;
  /** Connections that are kept though nobody uses them: those that must not take time to come up. Others end after ten seconds. */
  readonly kept?: number;
  /** Set in each session, such as `enable_sort = off`. */
  readonly setting?: string;
  /** Only servers that take writes are used: what others say, such as a standby, may be old. */
  readonly writable?: boolean;
  /** How long PostgreSQL may be silent about a statement before the connection is given up; without limit for who waits for a migration. */
  readonly answerWithinMs?: number;
}

/** How long one connection may take to come up before the query that wants it fails. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * PostgreSQL ends the session of whoever begins a transaction and then says nothing for so long: a process that hangs, or whose host has
 * vanished, keeps no row from the others for good.
 */
const IDLE_IN_TRANSACTION_MS = 60_000;

/**
 * The system asks after a connection on which nothing has come for 10 s, ten times in as many seconds: so a firewall on the way does not take
 * one for over that is only quiet, as at night.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

/**
 * A pool that outlives restarts of PostgreSQL: a broken connection is logged and thrown away, and the next query
 * opens another. (Without a listener on the client too, one that breaks while checked out would end the process.)
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { connectionString, max, name, log, kept = 0, setting, writable = false, answerWithinMs } = options;
  const setUp = async (client: pg.ClientBase): Promise<void> => {
    if (answerWithinMs !== undefined) giveUpWhenSilent(client, answerWithinMs);
    // Said here and not at the connection's start, where a pooler in between refuses what it does not know.
    await client.query(`SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`);
    if (setting !== undefined) await client.query(`SET ${setting}`);
    if (writable) await requireWritable(client);
  };
  const pool = new pg.Pool({
    connectionString,
    max,
    min: kept,
    application_name: name,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...KEEP_ALIVE,
    onConnect: (client): unknown => setUp(client), // Which the pool waits for, though its types do not say so.
  });
  pool.on("connect", (client) => {
    client.on("error", (error) => {
      // The server may end what we have said goodbye to.
      if (!pool.ending) log.warn({ pool: name, reason: error.message }, "a PostgreSQL connection broke");
    });
  });
  // The pool repeats an idle client's error here; the client's own listener has logged it.
  pool.on("error", () => {});
  return pool;
}

/** A server that takes writes goes on to do so while a connection lasts: who becomes a standby ends them all. @throws Error */
export async function requireWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ readOnly: string }>(
    `SELECT current_setting('transaction_read_only') AS "readOnly"`,
  );
  if (rows[0]?.readOnly === "on") {
    throw new Error("this PostgreSQL takes no writes, as a standby does: DATABASE_URL must lead to the one that does");
  }
}

/**
 * Ends a connection that owes an answer and says nothing. Should PostgreSQL's host vanish without a word, as in a failover, the system
 * sends what it has not acknowledged again for a quarter of an hour, and asks after no connection meanwhile.
 */
function giveUpWhenSilent(client: pg.ClientBase, ms: number): void {
  // Known to pg, but not to its types.
  const open = client as unknown as {
    readonly readyForQuery: boolean;
    readonly connection: { readonly stream: Socket };
  };
  const { stream } = open.connection;
  stream.setTimeout(ms);
  stream.on("timeout", () => {
    // Where it was this process that was busy for so long, the answer is there, and is read before the turn ends.
    setImmediate(() => {
      if (!open.readyForQuery) stream.destroy(new Error(`PostgreSQL has not answered within ${ms / 1_000} s`));
    });
  });
}

/** Kysely over a pool; `db.destroy()` ends the pool. */
export function createDatabase<Schema>(pool: pg.Pool): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: new PreparedStatements(pool) }) });
}
