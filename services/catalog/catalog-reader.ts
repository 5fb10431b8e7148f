/** What readers may ask of the catalogue, answered from memory where that was asked a moment ago. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Kysely } from "kysely";
import type { Clock } from "../../platform/clock/index.ts";
import { isPlainId } from "../../proto/index.ts";
import type {
  Cinema,
  CinemaWithHalls,
  Movie,
  MovieQuery,
  Page,
  PageQuery,
  Showtime,
  ShowtimeQuery,
} from "../../proto/rest/index.ts";
import { Problem } from "../http/index.ts";
import { Cache } from "./cache.ts";
import { layoutHead, layoutTail } from "./layout/layout-body.ts";
import { CACHE_ENTRIES_MAX, CACHE_TTL_MS, LAYOUT_CACHE_BYTES, LAYOUT_CACHE_TTL_MS } from "./limits.ts";
import { isCalendarDay } from "./local-day.ts";
import { findCinemas, readCinema } from "./store/cinemas.ts";
import { findMovies, type MovieRecord, readMovie } from "./store/movies.ts";
import { readPlan } from "./store/plans.ts";
import { findShowtimes, readShowtime, type ShowtimeRecord } from "./store/showtimes.ts";
import type { CatalogTables } from "./store/tables.ts";

const compress = promisify(gzip);

/** A layout as it is sent: the parts of the body, and what names this very content. */
export interface LayoutBody {
  readonly parts: readonly Buffer[];
  readonly hash: string;
}

export class CatalogReader {
  readonly #db: Kysely<CatalogTables>;
  readonly #clock: Clock;
  readonly #moviePages: Cache<Page<Movie>>;
  readonly #movies: Cache<MovieRecord | undefined>;
  readonly #cinemaPages: Cache<Page<Cinema>>;
  readonly #cinemas: Cache<CinemaWithHalls | undefined>;
  readonly #showtimePages: Cache<Page<Showtime>>;
  readonly #showtimes: Cache<ShowtimeRecord | undefined>;
  readonly #layoutTails: Cache<{ readonly bytes: Buffer; readonly hash: string }>;
  readonly #compressed: Cache<Buffer>;

  constructor({ db, clock }: { db: Kysely<CatalogTables>; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
    const short = { clock, ttlMs: CACHE_TTL_MS, weightMax: CACHE_ENTRIES_MAX };
    const large = { clock, ttlMs: LAYOUT_CACHE_TTL_MS, weightMax: LAYOUT_CACHE_BYTES };
    this.#moviePages = new Cache(short);
    this.#movies = new Cache(short);
    this.#cinemaPages = new Cache(short);
    this.#cinemas = new Cache(short);
    this.#showtimePages = new Cache(short);
    this.#showtimes = new Cache(short);
    this.#layoutTails = new Cache({ ...large, weigh: ({ bytes }) => bytes.length });
    this.#compressed = new Cache({ ...large, weigh: (bytes) => bytes.length });
  }

  /** @throws Problem BAD_MESSAGE when the day does not exist or the cursor is not one */
  movies(query: MovieQuery): Promise<Page<Movie>> {
    requireDay(query.date);
    return this.#moviePages.get(JSON.stringify(query), () => findMovies(this.#db, query));
  }

  /** @throws Problem NOT_FOUND */
  async movie(id: string): Promise<MovieRecord> {
    return found("movie", id, this.#movies, () => readMovie(this.#db, id));
  }

  cinemas(query: PageQuery): Promise<Page<Cinema>> {
    return this.#cinemaPages.get(JSON.stringify(query), () => findCinemas(this.#db, query));
  }

  /** @throws Problem NOT_FOUND */
  async cinema(id: string): Promise<CinemaWithHalls> {
    return found("cinema", id, this.#cinemas, () => readCinema(this.#db, id));
  }

  /** @throws Problem BAD_MESSAGE when the day does not exist or the cursor is not one */
  showtimes(query: ShowtimeQuery): Promise<Page<Showtime>> {
    requireDay(query.date);
    return this.#showtimePages.get(JSON.stringify(query), () => findShowtimes(this.#db, query, this.#clock.now()));
  }

  /** @throws Problem NOT_FOUND */
  async showtime(id: string): Promise<Showtime> {
    return (await this.#showtimeRecord(id)).showtime;
  }

  /** @throws Problem NOT_FOUND */
  async layout(showtimeId: string): Promise<LayoutBody> {
    const { showtime, planVersion } = await this.#showtimeRecord(showtimeId);
    const key = `${showtime.hallId} ${planVersion} ${JSON.stringify(showtime.categories)}`;
    const tail = await this.#layoutTails.get(key, async () => {
      const { layout } = await readPlan(this.#db, showtime.hallId, planVersion);
      const bytes = layoutTail(layout, showtime.categories);
      return { bytes, hash: createHash("sha256").update(bytes).digest("base64url") };
    });
    return { parts: [layoutHead(showtime.id), tail.bytes], hash: `${showtime.id} ${tail.hash}` };
  }

  /** The layout's body in gzip; it is made once for each showtime. */
  compressed({ parts, hash }: LayoutBody): Promise<Buffer> {
    return this.#compressed.get(hash, () => compress(Buffer.concat(parts)));
  }

  #showtimeRecord(id: string): Promise<ShowtimeRecord> {
    return found("showtime", id, this.#showtimes, () => readShowtime(this.#db, id, this.#clock.now()));
  }
}

async function found<Value>(
  what: string,
  id: string,
  cache: Cache<Value | undefined>,
  read: () => Promise<Value | undefined>,
): Promise<Value> {
  const value = isPlainId(id) ? await cache.get(id, read) : undefined;
  if (value === undefined) throw new Problem("NOT_FOUND", `There is no such ${what}.`);
  return value;
}

function requireDay(day: string | undefined): void {
  if (day === undefined || isCalendarDay(day)) return;
  throw new Problem("BAD_MESSAGE", "query.date must be a day that exists, as YYYY-MM-DD.", { field: "query.date" });
}
