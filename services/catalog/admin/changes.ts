import type { Kysely, Transaction } from "kysely";
import { Problem } from "../../../platform/http/index.ts";
import { constraintOf, isDeadlock } from "../../../platform/postgres/index.ts";
import { CHANGE_ATTEMPTS_MAX } from "../limits.ts";
import type { CatalogTables } from "../store/tables.ts";

interface Options {
  readonly db: Kysely<CatalogTables>;
  /** Called after each change, before anybody hears of it: caches forget what they know. */
  readonly changed: () => void;
}

/** Runs every change of the catalogue: all of it or nothing, and what the database refuses as a problem. */
export class Changes {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Who removes a movie or hall has that first, and whoever changes one of its showtimes the showtime: one of the two is broken off.
   *
   * @param work may run more than once
   */
  async run<Result>(work: (transaction: Transaction<CatalogTables>) => Promise<Result>): Promise<Result> {
    const { db, changed } = this.#options;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().execute(work);
        } catch (error) {
          if (!isDeadlock(error) || attempt === CHANGE_ATTEMPTS_MAX) throw error;
        }
      }
    } catch (error) {
      throw refusalOf(error) ?? error;
    } finally {
      changed(); // Also when it failed: whether a commit whose answer was lost has happened is not known.
    }
  }
}

/** What the catalogue's constraints stand for. */
const REFUSALS: Readonly<Record<string, string>> = {
  showtime_alone_in_hall: "Another showtime is in the hall at that time.",
  hall_cinema_id_name_key: "The cinema has a hall of this name already.",
  hall_cinema_id_fkey: "The cinema still has halls.",
  showtime_movie_id_fkey: "The movie still has showtimes.",
  showtime_hall_id_fkey: "The hall still has showtimes.",
  showtime_hall_id_plan_version_fkey: "The hall still has showtimes.",
};

function refusalOf(error: unknown): Problem | undefined {
  const detail = REFUSALS[constraintOf(error) ?? ""];
  return detail === undefined ? undefined : new Problem("CONFLICT", detail);
}
