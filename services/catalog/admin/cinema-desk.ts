import { type Kysely, sql, type Transaction } from "kysely";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import type { CinemaWithHalls, NewCinema } from "../../../proto/rest/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import { fold } from "../fold.ts";
import { readCinema } from "../store/cinemas.ts";
import type { CatalogTables } from "../store/tables.ts";
import type { Changes } from "./changes.ts";
import { type Expected, requireExpected } from "./expected-version.ts";
import { known } from "../known.ts";

interface Options {
  readonly db: Kysely<CatalogTables>;
  readonly changes: Changes;
  readonly random: RandomBytes;
}

export class CinemaDesk {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async create(input: NewCinema): Promise<CinemaWithHalls> {
    const { changes, random } = this.#options;
    const columns = await this.#columns(input);
    return changes.run(async (transaction) => {
      const id = newId("ci", random);
      await transaction
        .insertInto("cinema")
        .values({ id, ...columns })
        .execute();
      return known("cinema", await readCinema(transaction, id));
    });
  }

  /** @throws Problem NOT_FOUND | CONFLICT */
  async change(id: string, input: NewCinema, expected: Expected): Promise<CinemaWithHalls> {
    const columns = await this.#columns(input);
    return this.#options.changes.run(async (transaction) => {
      const cinema = await lockCinema(transaction, id);
      requireExpected(expected, cinema);
      await transaction
        .updateTable("cinema")
        .set({ ...columns, version: cinema.version + 1 })
        .where("id", "=", id)
        .execute();
      return known("cinema", await readCinema(transaction, id));
    });
  }

  /** Together with its halls. @throws Problem NOT_FOUND | CONFLICT when one of them has showtimes, or somebody has changed it meanwhile */
  remove(id: string, ifMatch: string | undefined): Promise<void> {
    return this.#options.changes.run(async (transaction) => {
      requireExpected({ ifMatch }, await lockCinema(transaction, id));
      await transaction.deleteFrom("hall").where("cinema_id", "=", id).execute();
      await transaction.deleteFrom("cinema").where("id", "=", id).execute();
    });
  }

  async #columns({ name, city = "", address = "", timeZone = "UTC" }: NewCinema) {
    await this.#requireTimeZone(timeZone);
    return { name, city, address, time_zone: timeZone, place_folded: fold(`${name} ${city}`) };
  }

  /**
   * Node, PostgreSQL and browsers each have a list of their own, and all reckon with it. IANA's names alone mean the same to all: BST is
   * Bangladesh's time to Node, Britain's to PostgreSQL, and nothing to Firefox. Names that are abbreviations as well, such as CET, are
   * these to PostgreSQL, without a summer.
   */
  async #requireTimeZone(timeZone: string): Promise<void> {
    if (isKnownHere(timeZone) && (await this.#isName(timeZone))) return;
    throw new Problem("BAD_MESSAGE", "body.timeZone must be an IANA name, such as Europe/Berlin.", {
      field: "body.timeZone",
    });
  }

  async #isName(timeZone: string): Promise<boolean> {
    const { rows } = await sql`
      select from pg_timezone_names
      where lower(name) = lower(${timeZone})
        and (lower(name) in ('utc', 'gmt') or lower(name) not in (select lower(abbrev) from pg_timezone_abbrevs))`.execute(
      this.#options.db,
    );
    return rows.length > 0;
  }
}

function isKnownHere(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

async function lockCinema(db: Transaction<CatalogTables>, id: string): Promise<CinemaWithHalls> {
  await db.selectFrom("cinema").select("id").where("id", "=", id).forUpdate().execute();
  return known("cinema", await readCinema(db, id));
}
