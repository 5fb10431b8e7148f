import type { Transaction } from "kysely";
import type { Movie, NewMovie } from "../../../proto/rest/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import { movieColumns, readMovie } from "../store/movies.ts";
import type { CatalogTables } from "../store/tables.ts";
import type { Changes } from "./changes.ts";
import { type Expected, requireExpected } from "./expected-version.ts";
import { known } from "../known.ts";

interface Options {
  readonly changes: Changes;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export class MovieDesk {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  create(input: NewMovie): Promise<Movie> {
    const { changes, random } = this.#options;
    return changes.run(async (transaction) => {
      const id = newId("mv", random);
      await transaction
        .insertInto("movie")
        .values({ id, poster: null, ...this.#columns(input) })
        .execute();
      return known("movie", await readMovie(transaction, id)).movie;
    });
  }

  /** @throws Problem NOT_FOUND | CONFLICT */
  change(id: string, input: NewMovie, expected: Expected): Promise<Movie> {
    return this.#options.changes.run(async (transaction) => {
      const movie = await lockMovie(transaction, id);
      requireExpected(expected, movie);
      await transaction
        .updateTable("movie")
        .set({ ...this.#columns(input), version: movie.version + 1 })
        .where("id", "=", id)
        .execute();
      return known("movie", await readMovie(transaction, id)).movie;
    });
  }

  /** @throws Problem NOT_FOUND | CONFLICT when it has showtimes, or somebody has changed it meanwhile */
  remove(id: string, ifMatch: string | undefined): Promise<void> {
    return this.#options.changes.run(async (transaction) => {
      requireExpected({ ifMatch }, await lockMovie(transaction, id));
      await transaction.deleteFrom("movie").where("id", "=", id).execute();
    });
  }

  #columns({ year, genres = [], actors = [], director = "", synopsis = "", ...rest }: NewMovie) {
    const present = new Date(this.#options.clock.now()).getUTCFullYear();
    return movieColumns({ ...rest, year: year ?? present, genres, actors, director, synopsis });
  }
}

async function lockMovie(db: Transaction<CatalogTables>, id: string): Promise<Movie> {
  await db.selectFrom("movie").select("id").where("id", "=", id).forUpdate().execute();
  return known("movie", await readMovie(db, id)).movie;
}
