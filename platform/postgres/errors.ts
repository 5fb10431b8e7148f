import pg from "pg";
import { ExplainedError, messageOf } from "../explained/index.ts";

/** PostgreSQL cannot be used as it is. The message is one sentence for the operator: what is wrong, and what to do. */
export class DatabaseUnusable extends ExplainedError {
  override readonly name = "DatabaseUnusable";
}

/** What PostgreSQL or the socket says at connecting, and what it says of any work where it can do none, told as one sentence; undefined for any other error. */
export function explainConnectionError(error: unknown): DatabaseUnusable | undefined {
  const code = codeOf(error);
  const message = messageOf(error);
  const sentence = code === undefined ? WITHOUT_CODE.get(message) : SENTENCES[code];
  if (sentence === undefined) return undefined;
  const reason = code === undefined ? message : `${code}: ${message}`;
  return new DatabaseUnusable(`${sentence} (${reason}).`, { cause: error });
}

/** The same of what PostgreSQL itself has said, where a socket's error may be of something else. */
export const explainServerError = (error: unknown): DatabaseUnusable | undefined =>
  error instanceof pg.DatabaseError ? explainConnectionError(error) : undefined;

/** A table that is asked for is not there: nobody has migrated this database. */
export const isUndefinedTable = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE;

/** Transactions waited for each other in a circle, and PostgreSQL has rolled this one back so that the others go on: it may run again. */
export const isDeadlock = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === DEADLOCK_DETECTED;

/** A lock was waited for as long as `lock_timeout` has it: whoever has it may be done later. */
export const isLockTimeout = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE;

/** The constraint for which PostgreSQL has refused the work, by its name; undefined where it was for something else. */
export const constraintOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.constraint : undefined;

/** SQLSTATEs, PostgreSQL's manual, appendix A. */
const UNDEFINED_TABLE = "42P01";
const DEADLOCK_DETECTED = "40P01";
const LOCK_NOT_AVAILABLE = "55P03";

const UNREACHABLE = "PostgreSQL cannot be reached: check that it runs and that DATABASE_URL names its host and port";
const CLOSED = "PostgreSQL has closed the connection: check that it runs and that DATABASE_URL names its host and port";

/** Socket errors of Node, and SQLSTATEs (PostgreSQL's manual, appendix A). */
const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: UNREACHABLE,
  ECONNRESET: UNREACHABLE,
  EPIPE: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  ENOENT: UNREACHABLE,
  "57P01": CLOSED,
  "57P02": CLOSED,
  "57P03": "PostgreSQL is starting up or shutting down: try again in a moment",
  "53100": "PostgreSQL's disk is full: free space there",
  "53200": "PostgreSQL is out of memory: give it more, or lower its settings",
  "53400": "PostgreSQL has come to a limit of its settings: raise it",
  "25006":
    "PostgreSQL takes no writes: have DATABASE_URL name the primary, and its default_transaction_read_only be off",
  "53300": "PostgreSQL has no connection left for us: raise its max_connections or stop other clients",
  "28P01": "PostgreSQL refuses the password in DATABASE_URL: correct it",
  "28000": "PostgreSQL refuses the user in DATABASE_URL: correct it, or allow the user in pg_hba.conf",
  "3D000": "The database named in DATABASE_URL does not exist: create it, or name another",
  "42501": "The user in DATABASE_URL lacks a permission: let it create schemas in the database, and own those it uses",
};

const SILENT =
  "PostgreSQL does not answer: check that DATABASE_URL names its host and port, and that it is not overloaded";
const NO_PASSWORD =
  "PostgreSQL wants a password, and DATABASE_URL has none: add it, as in postgres://user:password@host:5432/usher";

/** What `pg` and its pool say in words alone. */
const WITHOUT_CODE: ReadonlyMap<string, string> = new Map([
  ["timeout exceeded when trying to connect", SILENT],
  ["Connection terminated due to connection timeout", SILENT],
  ["Connection terminated", CLOSED],
  ["Connection terminated unexpectedly", CLOSED],
  // At the queries after that one: a migrator's unlocking, too, throws this over what came first.
  ["Client has encountered a connection error and is not queryable", CLOSED],
  ["Client was closed and is not queryable", CLOSED],
  ["SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string", NO_PASSWORD],
  ["SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string", NO_PASSWORD],
]);

/** `pg` reports a host with several addresses as one `AggregateError`: its first cause stands for all. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return undefined;
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}
