import { type Kysely, type Migration, Migrator, sql } from "kysely";
import { type Clock, sleep, systemClock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { DatabaseUnusable, explainConnectionError, isLockTimeout } from "./errors.ts";

/** `MIN_POSTGRES` as `server_version_num` has it. */
const MIN_POSTGRES_NUM = 140_000;
const MIN_POSTGRES = "14";

/**
 * A statement that changes a table waits for all who use it, and all who come after wait behind it: where a dump reads the table, nobody would sell
 * until that is over. So it gives way after this, which is less than a commit is given, and comes again after the pause, in which all others go on.
 */
const LOCK_WAIT_MS = 2_000;
const LOCK_PAUSE_MS = 8_000;
/** A dump takes minutes. Who uses a table for longer is for the operator to find. */
const LOCK_TRIES_FOR_MS = 300_000;

export interface MigrateOptions {
  /** Is told that a table is in use, and waited for. */
  readonly log?: Logger;
  readonly clock?: Clock;
}

/**
 * Creates `schema` when missing and brings it up to the last of `migrations` (applied in the order of their names,
 * each with those before it in one transaction). Safe when several processes do it at once. What is made belongs to the schema's
 * owner, whoever migrates it, so that the owner can use it.
 *
 * @throws DatabaseUnusable when the server is too old, not reachable or not ours to change, when a table stays in use for minutes, or
 * when the data was written by a newer version
 */
export async function migrate<Schema>(
  db: Kysely<Schema>,
  schema: string,
  migrations: Readonly<Record<string, Migration>>,
  { log, clock = systemClock }: MigrateOptions = {},
): Promise<void> {
  const lastTryAt = clock.monotonic() + LOCK_TRIES_FOR_MS;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await migrateOnce(db, schema, migrations);
    } catch (error) {
      if (!isLockTimeout(error)) throw explainConnectionError(error) ?? error;
      if (clock.monotonic() >= lastTryAt) throw stillInUse(schema, error);
      if (isFirst) log?.warn({ schema }, "a table that is to be changed is in use, as by a dump: that is waited for");
    }
    await sleep(clock, LOCK_PAUSE_MS);
  }
}

const stillInUse = (schema: string, cause: unknown): DatabaseUnusable =>
  new DatabaseUnusable(
    `A table of the schema "${schema}" is to be changed, and somebody has used it for ${LOCK_TRIES_FOR_MS / 60_000} minutes: ` +
      "let the dump or transaction end that is the oldest in pg_stat_activity, and start again.",
    { cause },
  );

async function migrateOnce<Schema>(
  db: Kysely<Schema>,
  schema: string,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  await requireSupportedServer(db);
  const provider = { getMigrations: async () => givingWay(migrations) };
  await asOwnerOf(schema, db, async (own) => {
    await refuseNewerData(own, schema, migrations);
    const { error } = await new Migrator({ db: own, provider, migrationTableSchema: schema }).migrateToLatest();
    if (error instanceof Error) throw error;
    if (error !== undefined)
      throw new Error(`The schema "${schema}" could not be brought up to date`, { cause: error });
  });
}

/** Until the end of the transaction. Kysely's own lock, for one process at a time, has been taken before, and has its own limit. */
const givingWay = (migrations: Readonly<Record<string, Migration>>): Record<string, Migration> =>
  Object.fromEntries(
    Object.entries(migrations).map(([name, { up }]) => {
      const patient = async (db: Kysely<unknown>): Promise<void> => {
        await sql`set local lock_timeout = ${sql.lit(LOCK_WAIT_MS)}`.execute(db);
        await up(db);
      };
      return [name, { up: patient }];
    }),
  );

/** A migration of SQL alone, statement by statement. */
export const statements = (texts: readonly string[]): Migration => ({
  // Kysely hands migrations an untyped database: they outlive today's types.
  async up(db: Kysely<unknown>) {
    for (const text of texts) await sql.raw(text).execute(db);
  },
});

/**
 * For a table whose rows are kept for good, and go through a queue when they are new: the index of the queue keeps what each has left there until
 * a VACUUM, and every look for what is due comes across it. By itself that comes when a fifth of the table is dead, which is weeks of entries
 * for a table of years; and it leaves the indexes alone while few pages have something dead, which of an old table is always so.
 */
export const vacuumOften = (table: string): Migration =>
  statements([
    `alter table ${table} set
      (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, vacuum_index_cleanup = on)`,
  ]);

async function requireSupportedServer<Schema>(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ number: number; name: string }>`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as name`.execute(db);
  const version = rows[0];
  if (version !== undefined && version.number >= MIN_POSTGRES_NUM) return;
  throw new DatabaseUnusable(
    `PostgreSQL ${version?.name ?? "of an unknown version"} is too old: ` +
      `point DATABASE_URL at version ${MIN_POSTGRES} or newer, or unset it to use the embedded one.`,
  );
}

/** On one connection, as the schema's owner where there is one other than ourselves as whom we may act. */
function asOwnerOf<Schema>(
  schema: string,
  db: Kysely<Schema>,
  work: (own: Kysely<Schema>) => Promise<void>,
): Promise<void> {
  return db.connection().execute(async (own) => {
    const { rows } = await sql<{ owner: string }>`
      select pg_get_userbyid(nspowner) as owner from pg_namespace
      where nspname = ${schema} and pg_get_userbyid(nspowner) <> current_user
        and pg_has_role(nspowner, 'member')`.execute(own);
    const [other] = rows;
    if (other === undefined) return work(own);
    await sql`set role ${sql.id(other.owner)}`.execute(own);
    try {
      await work(own);
    } finally {
      await sql`reset role`.execute(own);
    }
  });
}

async function refuseNewerData<Schema>(
  db: Kysely<Schema>,
  schema: string,
  known: Readonly<Record<string, Migration>>,
): Promise<void> {
  const table = sql.table(`${schema}.kysely_migration`);
  const { rows: found } = await sql<{ found: boolean }>`
    select to_regclass(${`"${schema}".kysely_migration`}) is not null as found`.execute(db);
  if (found[0]?.found !== true) return;
  const { rows: applied } = await sql<{ name: string }>`select name from ${table} order by name`.execute(db);
  const unknown = applied.find(({ name }) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  throw new DatabaseUnusable(
    `The schema "${schema}" was written by a newer version of Usher (migration ${unknown.name}): ` +
      "run that version, or give this one another database.",
  );
}
