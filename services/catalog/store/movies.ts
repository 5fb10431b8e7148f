import { type Kysely, type Selectable, sql } from "kysely";
import { Type } from "typebox";
import type { Movie, MovieQuery, Page } from "../../../proto/rest/index.ts";
import { decodeCursor, limitOf, pageOf } from "../../../platform/http/index.ts";
import { fold } from "../fold.ts";
import { TITLE_LIKENESS_MIN } from "../limits.ts";
import type { PosterSubject } from "../posters/poster.ts";
import type { PosterArt } from "../posters/poster-art.ts";
import { containing } from "./containing.ts";
import { isOnDay } from "./showtimes.ts";
import type { CatalogTables, MovieTable } from "./tables.ts";

/**
 * How well the title fits, the title and the id. PostgreSQL's text cannot hold NUL. Matches of the two kinds never share a list: the
 * sign of the first tells them apart, so that later pages go on with the kind that the first began with.
 */
const Place = Type.Tuple([
  Type.Integer({ minimum: -1_000, maximum: 4 }),
  Type.String({ pattern: "^[^\\u0000]*$" }),
  Type.String({ pattern: "^[A-Za-z0-9_-]*$" }),
]);
type Place = readonly [fit: number, title: string, id: string];

/**
 * Those that fit every given filter, by title; where a title is asked for, the best match first. Titles that have what was asked
 * for come alone; only where none has it do those that resemble it come, for whoever mistyped.
 *
 * @param now decides what a cinema shows, when no day is named
 */
export async function findMovies(db: Kysely<CatalogTables>, query: MovieQuery, now: number): Promise<Page<Movie>> {
  const after = query.cursor === undefined ? undefined : decodeCursor(Place, query.cursor);
  if (query.title === undefined) return listMovies(db, query, now, after, byTitle);
  const title = fold(query.title);
  if (after === undefined || after[0] > 0) {
    const page = await listMovies(db, query, now, after, having(title));
    if (after !== undefined || page.items.length > 0) return page;
  }
  return db.transaction().execute(async (transaction) => {
    // The operator that the index serves reads its threshold from here; it holds until the transaction ends.
    await sql`select set_config('pg_trgm.word_similarity_threshold', ${String(TITLE_LIKENESS_MIN)}, true)`.execute(
      transaction,
    );
    return listMovies(transaction, query, now, after, resembling(title));
  });
}

/** Which movies are listed, and how well each fits: a whole number, the greater the better, whose order is the list's. */
interface Match {
  readonly where: ReturnType<typeof sql<boolean>>;
  readonly fit: ReturnType<typeof sql<number>>;
}

const byTitle: Match = { where: sql<boolean>`true`, fit: sql<number>`0` };

/** The very title, then those that begin with it, then those with a word that does, then the rest. */
const having = (title: string): Match => ({
  where: sql<boolean>`title_folded like ${containing(title)}`,
  fit: sql<number>`case
    when title_folded = ${title} then 4
    when starts_with(title_folded, ${title}) then 3
    when strpos(title_folded, ${` ${title}`}) > 0 then 2
    else 1 end`,
});

/** Negative thousandths, from -1000 for nothing in common to 0. */
const resembling = (title: string): Match => ({
  where: sql<boolean>`${title} <% title_folded`,
  fit: sql<number>`round(1000 * word_similarity(${title}, title_folded))::int - 1000`,
});

async function listMovies(
  db: Kysely<CatalogTables>,
  query: MovieQuery,
  now: number,
  after: Place | undefined,
  { where, fit }: Match,
): Promise<Page<Movie>> {
  const limit = limitOf(query);
  let select = db
    .selectFrom("movie")
    .selectAll()
    .select(fit.as("fit"))
    .where(where)
    .orderBy("fit", "desc")
    .orderBy("title_folded")
    .orderBy("id")
    .limit(limit + 1);
  if (query.actor !== undefined) select = select.where("actors_folded", "like", containing(query.actor));
  if (query.genre !== undefined) select = select.where(sql<boolean>`genres_folded @> array[${fold(query.genre)}]`);
  if (query.date !== undefined || query.cinema !== undefined || query.cinemaId !== undefined) {
    select = select.where("id", "in", shown(db, query, now));
  }
  if (after !== undefined) {
    const [bound, title, id] = after;
    select = select.where(sql<boolean>`(-(${fit}), title_folded, id) > (${-bound}, ${title}, ${id})`);
  }
  return pageOf(await select.execute(), limit, movieOf, (row): Place => [row.fit, row.title_folded, row.id]);
}

/** The movies with a showtime on the day (or still to come) in such a cinema. */
function shown(db: Kysely<CatalogTables>, { date, cinema, cinemaId }: MovieQuery, now: number) {
  let select = db
    .selectFrom("showtime")
    .innerJoin("hall", "hall.id", "showtime.hall_id")
    .innerJoin("cinema", "cinema.id", "hall.cinema_id")
    .select("showtime.movie_id")
    .where("showtime.status", "=", "scheduled");
  select = date === undefined ? select.where("showtime.starts_at", ">", new Date(now)) : select.where(isOnDay(date));
  if (cinema !== undefined) select = select.where("cinema.place_folded", "like", containing(cinema));
  if (cinemaId !== undefined) select = select.where("cinema.id", "=", cinemaId);
  return select;
}

export interface MovieRecord {
  readonly movie: Movie;
  readonly subject: PosterSubject;
  readonly art: PosterArt | null;
}

export async function readMovie(db: Kysely<CatalogTables>, id: string): Promise<MovieRecord | undefined> {
  const row = await db.selectFrom("movie").selectAll().where("id", "=", id).executeTakeFirst();
  return row && { movie: movieOf(row), subject: row, art: row.poster };
}

type Described = Pick<Movie, "title" | "year" | "director" | "synopsis" | "durationMinutes"> & {
  readonly genres: readonly string[];
  readonly actors: readonly string[];
};

/** The columns that say what a movie is, with the texts that searches look in. */
export const movieColumns = (movie: Described) => ({
  title: movie.title,
  year: movie.year,
  genres: [...movie.genres],
  actors: [...movie.actors],
  director: movie.director,
  synopsis: movie.synopsis,
  duration_minutes: movie.durationMinutes,
  title_folded: fold(movie.title),
  genres_folded: movie.genres.map(fold),
  actors_folded: movie.actors.map(fold).join("\n"),
});

const movieOf = (row: Selectable<MovieTable>): Movie => ({
  id: row.id,
  title: row.title,
  year: row.year,
  genres: row.genres,
  actors: row.actors,
  director: row.director,
  synopsis: row.synopsis,
  durationMinutes: row.duration_minutes,
  poster: `/api/v1/movies/${row.id}/poster.svg`,
  version: row.version,
});
