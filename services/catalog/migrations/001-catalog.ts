import { type Kysely, type Migration, sql } from "kysely";

const STATEMENTS = [
  `create table catalog.movie (
    id text primary key check (id ~ '^[A-Za-z0-9_-]{1,40}$'),
    title text not null check (title <> ''),
    year integer not null check (year between 1880 and 2200),
    genres text[] not null,
    actors text[] not null,
    director text not null,
    synopsis text not null,
    duration_minutes integer not null check (duration_minutes between 1 and 1000),
    poster jsonb,
    title_folded text not null,
    genres_folded text[] not null,
    actors_folded text not null
  )`,
  `create index movie_by_title on catalog.movie (title_folded, id)`,
  `create index movie_by_genre on catalog.movie using gin (genres_folded)`,

  `create table catalog.cinema (
    id text primary key check (id ~ '^[A-Za-z0-9_-]{1,40}$'),
    name text not null check (name <> ''),
    city text not null,
    address text not null,
    time_zone text not null
  )`,
  `create index cinema_by_name on catalog.cinema (name, id)`,

  `create table catalog.hall (
    id text primary key check (id ~ '^[A-Za-z0-9_-]{1,40}$'),
    cinema_id text not null references catalog.cinema,
    name text not null check (name <> ''),
    plan_version integer not null,
    unique (cinema_id, name)
  )`,
  `create table catalog.hall_plan (
    hall_id text not null references catalog.hall on delete cascade,
    version integer not null check (version >= 1),
    seat_count integer not null check (seat_count between 1 and 65535),
    sections jsonb not null,
    rows jsonb not null,
    orphan_rule text not null check (orphan_rule in ('none', 'lenient', 'strict')),
    accessible_release text not null check (accessible_release in ('always', 'never', 'before-end')),
    accessible_release_minutes integer check (accessible_release_minutes >= 0),
    primary key (hall_id, version),
    check ((accessible_release = 'before-end') = (accessible_release_minutes is not null))
  )`,
  // The hall and its current plan name each other: whoever writes both in one transaction may begin with either.
  `alter table catalog.hall add foreign key (id, plan_version) references catalog.hall_plan deferrable initially deferred`,
  `create table catalog.plan_category (
    hall_id text not null,
    plan_version integer not null,
    position integer not null check (position between 0 and 255),
    id text not null check (length(id) between 1 and 64),
    name text not null,
    focal_x integer not null,
    focal_y integer not null,
    primary key (hall_id, plan_version, id),
    unique (hall_id, plan_version, position),
    foreign key (hall_id, plan_version) references catalog.hall_plan on delete cascade
  )`,

  `create table catalog.showtime (
    id text primary key check (id ~ '^[A-Za-z0-9_-]{1,40}$'),
    movie_id text not null references catalog.movie,
    hall_id text not null references catalog.hall,
    plan_version integer not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    sales_start_at timestamptz not null,
    sales_end_at timestamptz not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    premiere boolean not null,
    status text not null default 'scheduled' check (status in ('scheduled', 'cancelled')),
    opened_at timestamptz,
    foreign key (hall_id, plan_version) references catalog.hall_plan,
    unique (id, hall_id, plan_version),
    check (starts_at < ends_at),
    check (sales_start_at < sales_end_at)
  )`,
  `create index showtime_by_start on catalog.showtime (starts_at, id)`,
  `create index showtime_by_movie on catalog.showtime (movie_id, starts_at, id)`,
  `create index showtime_by_hall on catalog.showtime (hall_id, starts_at, id)`,
  `create index showtime_to_open on catalog.showtime (sales_end_at) where opened_at is null`,

  `create table catalog.showtime_price (
    showtime_id text not null,
    hall_id text not null,
    plan_version integer not null,
    category_id text not null,
    amount integer not null check (amount >= 0),
    primary key (showtime_id, category_id),
    foreign key (showtime_id, hall_id, plan_version) references catalog.showtime (id, hall_id, plan_version) on delete cascade,
    foreign key (hall_id, plan_version, category_id) references catalog.plan_category (hall_id, plan_version, id)
  )`,
];

export const catalogTables: Migration = {
  // Kysely hands migrations an untyped database: they outlive today's types.
  async up(db: Kysely<unknown>) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
