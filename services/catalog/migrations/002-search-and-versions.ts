import { type Kysely, type Migration, sql } from "kysely";
import { DatabaseUnusable } from "../../../platform/postgres/index.ts";
import { fold } from "../fold.ts";

/** `pg_trgm` finds titles in spite of typing errors, `btree_gist` keeps showtimes in one hall apart. */
const EXTENSIONS = ["pg_trgm", "btree_gist"] as const;

const STATEMENTS = [
  `create index movie_by_title_trigrams on catalog.movie using gin (title_folded gin_trgm_ops)`,
  `create index movie_by_actor_trigrams on catalog.movie using gin (actors_folded gin_trgm_ops)`,

  `alter table catalog.movie add version integer not null default 1`,
  `alter table catalog.cinema add version integer not null default 1, add place_folded text`,
  `alter table catalog.hall
    add version integer not null default 1,
    add cleaning_minutes integer not null default 20 check (cleaning_minutes between 0 and 600)`,
  `alter table catalog.hall alter cleaning_minutes drop default`,
  `alter table catalog.hall_plan add drawing jsonb`,

  `alter table catalog.showtime
    add hall_free_at timestamptz,
    add cancel_until timestamptz,
    add version integer not null default 1,
    add engine_version integer not null default 0,
    add removing boolean not null default false`,
  // Until now `ends_at` was when the hall was free again.
  `update catalog.showtime set
    hall_free_at = ends_at,
    cancel_until = starts_at - interval '2 hours',
    engine_version = case when opened_at is null then 0 else 1 end`,
  `alter table catalog.showtime
    drop opened_at,
    alter hall_free_at set not null,
    alter cancel_until set not null,
    add check (ends_at <= hall_free_at),
    add check (cancel_until <= starts_at),
    add constraint showtime_alone_in_hall
      exclude using gist (hall_id with =, tstzrange(starts_at, hall_free_at) with &&) where (status = 'scheduled')`,
  `create index showtime_to_tell on catalog.showtime (starts_at) where engine_version <> version`,

  `alter table catalog.showtime_price
    add child integer check (child >= 0),
    add senior integer check (senior >= 0),
    add student integer check (student >= 0)`,

  `create table catalog.demo (
    only_row boolean primary key default true check (only_row),
    programme_until text not null
  )`,
  // Until now nothing but the demo could fill a catalogue.
  `insert into catalog.demo (programme_until)
    select to_char(max(starts_at at time zone 'Europe/Berlin'), 'YYYY-MM-DD') from catalog.showtime having count(*) > 0`,
];

export const searchAndVersions: Migration = {
  // Kysely hands migrations an untyped database: they outlive today's types.
  async up(db: Kysely<unknown>) {
    for (const extension of EXTENSIONS) await createExtension(db, extension);
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
    await foldPlaces(db);
  },
};

/** @throws DatabaseUnusable where it is neither there nor may be created */
async function createExtension(db: Kysely<unknown>, name: string): Promise<void> {
  try {
    await sql.raw(`create extension if not exists ${name}`).execute(db);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DatabaseUnusable(
      `Usher needs the PostgreSQL extension ${name}, and may not or cannot create it (${reason}): ` +
        `have an administrator run "create extension ${name}" in the database, then start again.`,
      { cause: error },
    );
  }
}

async function foldPlaces(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ id: string; name: string; city: string }>`
    select id, name, city from catalog.cinema`.execute(db);
  for (const { id, name, city } of rows) {
    await sql`update catalog.cinema set place_folded = ${fold(`${name} ${city}`)} where id = ${id}`.execute(db);
  }
  await sql`alter table catalog.cinema alter place_folded set not null`.execute(db);
}
