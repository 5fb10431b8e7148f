import { type Kysely, type Selectable, sql } from "kysely";
import { Type } from "typebox";
import type { Movie, MovieQuery, Page } from "../../../proto/rest/index.ts";
import { decodeCursor, limitOf, pageOf } from "../../http/index.ts";
import { fold } from "../fold.ts";
import type { PosterSubject } from "../posters/poster.ts";
import type { PosterArt } from "../posters/poster-art.ts";
import { isOnDay } from "./showtimes.ts";
import type { CatalogTables, MovieTable } from "./tables.ts";

/** PostgreSQL's text cannot hold NUL. */
const Place = Type.Tuple([Type.String({ pattern: "^[^\\u0000]*$" }), Type.String({ pattern: "^[A-Za-z0-9_-]*$" })]);

/** Those that fit every given filter, by title. */
export async function findMovies(db: Kysely<CatalogTables>, query: MovieQuery): Promise<Page<Movie>> {
  const limit = limitOf(query);
  let select = db
    .selectFrom("movie")
    .selectAll()
    .orderBy("title_folded")
    .orderBy("id")
    .limit(limit + 1);
  if (query.title !== undefined) select = select.where(contains("title_folded", query.title));
  if (query.actor !== undefined) select = select.where(contains("actors_folded", query.actor));
  if (query.genre !== undefined) select = select.where(sql<boolean>`genres_folded @> array[${fold(query.genre)}]`);
  if (query.date !== undefined) {
    const day = query.date;
    select = select.where(({ exists, selectFrom }) =>
      exists(
        selectFrom("showtime")
          .innerJoin("hall", "hall.id", "showtime.hall_id")
          .innerJoin("cinema", "cinema.id", "hall.cinema_id")
          .select("showtime.id")
          .whereRef("showtime.movie_id", "=", "movie.id")
          .where("showtime.status", "=", "scheduled")
          .where(isOnDay(day)),
      ),
    );
  }
  if (query.cursor !== undefined) {
    const [title, id] = decodeCursor(Place, query.cursor);
    select = select.where(({ eb, refTuple, tuple }) => eb(refTuple("title_folded", "id"), ">", tuple(title, id)));
  }
  return pageOf(await select.execute(), limit, movieOf, (row) => [row.title_folded, row.id]);
}

const contains = (column: "title_folded" | "actors_folded", text: string) =>
  sql<boolean>`strpos(${sql.ref(column)}, ${fold(text)}) > 0`;

export interface MovieRecord {
  readonly movie: Movie;
  readonly subject: PosterSubject;
  readonly art: PosterArt | null;
}

export async function readMovie(db: Kysely<CatalogTables>, id: string): Promise<MovieRecord | undefined> {
  const row = await db.selectFrom("movie").selectAll().where("id", "=", id).executeTakeFirst();
  return row && { movie: movieOf(row), subject: row, art: row.poster };
}

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
});
