/** What readers may ask of the catalogue, answered from memory where that was asked a moment ago. */
import type { Kysely } from "kysely";
import type { Clock } from "../../platform/clock/index.ts";
import { isPlainId } from "../../proto/index.ts";
import type {
  Cinema,
  CinemaQuery,
  CinemaWithHalls,
  HallPlanView,
  Movie,
  MovieQuery,
  Page,
  Showtime,
  ShowtimeQuery,
} from "../../proto/rest/index.ts";
import { Problem } from "../../platform/http/index.ts";
import { type AnswerBody, answerBody } from "./cache/answer-body.ts";
import { Cache } from "./cache/cache.ts";
import { type SeatView, seatsOf } from "./layout/hall-layout.ts";
import { known } from "./known.ts";
import { LayoutBody } from "./layout/layout-body.ts";
import {
  CACHE_ENTRIES_MAX,
  CACHE_TTL_MS,
  LAYOUT_CACHE_BYTES,
  LAYOUT_CACHE_TTL_MS,
  PAGE_CACHE_BYTES,
  PAGE_ENTRY_BYTES,
} from "./limits.ts";
import { isCalendarDay } from "./local-day.ts";
import { showtimeTag } from "./showtime-tag.ts";
import { findCinemas, readCinema } from "./store/cinemas.ts";
import { readHall } from "./store/halls.ts";
import { findMovies, type MovieRecord, readMovie } from "./store/movies.ts";
import { readPlan } from "./store/plans.ts";
import { findShowtimes, readShowtime, type ShowtimeRecord } from "./store/showtimes.ts";
import type { CatalogTables } from "./store/tables.ts";

/** One version of a hall's seats, which never changes. */
interface PlanSeats {
  readonly seats: readonly SeatView[];
  readonly json: Buffer;
}

export interface MovieAnswer extends MovieRecord {
  readonly body: AnswerBody<Movie>;
}

export interface ShowtimeAnswer extends ShowtimeRecord {
  readonly body: AnswerBody<Showtime>;
}

/**
 * Each process remembers for itself, and hears of changes over the bus. Layouts too, although they are the same everywhere: one of 480 seats
 * takes 2 ms to read from PostgreSQL and would take 0.6 from Redis, one of 20,000 takes 55 and 50, and each is read once an hour.
 */
export class CatalogReader {
  readonly #db: Kysely<CatalogTables>;
  readonly #clock: Clock;
  readonly #moviePages: Cache<AnswerBody<Page<Movie>>>;
  readonly #movies: Cache<MovieAnswer | undefined>;
  readonly #cinemaPages: Cache<AnswerBody<Page<Cinema>>>;
  readonly #cinemas: Cache<AnswerBody<CinemaWithHalls> | undefined>;
  readonly #halls: Cache<AnswerBody<HallPlanView> | undefined>;
  readonly #showtimePages: Cache<AnswerBody<Page<Showtime>>>;
  readonly #showtimes: Cache<ShowtimeAnswer | undefined>;
  readonly #plans: Cache<PlanSeats>;
  readonly #layouts: Cache<LayoutBody>;

  constructor({ db, clock }: { db: Kysely<CatalogTables>; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
    const brief = { clock, ttlMs: CACHE_TTL_MS, weightMax: CACHE_ENTRIES_MAX };
    const lasting = { clock, ttlMs: LAYOUT_CACHE_TTL_MS, weightMax: LAYOUT_CACHE_BYTES };
    const pages = {
      ...brief,
      weightMax: PAGE_CACHE_BYTES,
      // The objects that they were written from take about twice as much. A question has whatever cursor somebody made up.
      weigh: ({ json }: AnswerBody<unknown>, key: string) => PAGE_ENTRY_BYTES + 2 * key.length + 3 * json.length,
    };
    this.#moviePages = new Cache<AnswerBody<Page<Movie>>>(pages);
    this.#movies = new Cache(brief);
    this.#cinemaPages = new Cache<AnswerBody<Page<Cinema>>>(pages);
    this.#cinemas = new Cache(brief);
    this.#halls = new Cache({ ...brief, weightMax: LAYOUT_CACHE_BYTES, weigh: (hall) => hall?.json.length ?? 1 });
    this.#showtimePages = new Cache<AnswerBody<Page<Showtime>>>(pages);
    this.#showtimes = new Cache(brief);
    this.#plans = new Cache({ ...lasting, weigh: ({ json }) => 2 * json.length });
    this.#layouts = new Cache({ ...lasting, weigh: ({ plain }) => plain.length });
  }

  /** Something was changed, here or elsewhere. Plans and layouts stay: a change is another version, which has another name. */
  forget(): void {
    for (const cache of [this.#moviePages, this.#movies, this.#cinemaPages, this.#cinemas, this.#halls]) cache.clear();
    for (const cache of [this.#showtimePages, this.#showtimes]) cache.clear();
  }

  /** @throws Problem BAD_MESSAGE when the day does not exist or the cursor is not one */
  movies(query: MovieQuery): Promise<AnswerBody<Page<Movie>>> {
    requireDay(query.date);
    const load = async () => answerBody(await findMovies(this.#db, query, this.#clock.now()));
    return this.#moviePages.get(JSON.stringify(query), load);
  }

  /** @throws Problem NOT_FOUND */
  movie(id: string): Promise<MovieAnswer> {
    return found("movie", id, this.#movies, async () => {
      const record = await readMovie(this.#db, id);
      return record && { ...record, body: answerBody(record.movie) };
    });
  }

  /** @throws Problem BAD_MESSAGE when the cursor is not one */
  cinemas(query: CinemaQuery): Promise<AnswerBody<Page<Cinema>>> {
    return this.#cinemaPages.get(JSON.stringify(query), async () => answerBody(await findCinemas(this.#db, query)));
  }

  /** @throws Problem NOT_FOUND */
  cinema(id: string): Promise<AnswerBody<CinemaWithHalls>> {
    return found("cinema", id, this.#cinemas, () => bodyOf(readCinema(this.#db, id)));
  }

  /** @throws Problem NOT_FOUND */
  hall(id: string): Promise<AnswerBody<HallPlanView>> {
    return found("hall", id, this.#halls, () => bodyOf(readHall(this.#db, id)));
  }

  /** @throws Problem BAD_MESSAGE when the day does not exist or the cursor is not one */
  showtimes(query: ShowtimeQuery): Promise<AnswerBody<Page<Showtime>>> {
    requireDay(query.date);
    const load = async () => answerBody(await findShowtimes(this.#db, query, this.#clock.now()));
    return this.#showtimePages.get(JSON.stringify(query), load);
  }

  /** @throws Problem NOT_FOUND */
  showtime(id: string): Promise<ShowtimeAnswer> {
    return found("showtime", id, this.#showtimes, async () => {
      const record = await readShowtime(this.#db, id, this.#clock.now());
      return record && { ...record, body: answerBody(record.showtime, showtimeTag) };
    });
  }

  /** Not from memory, which may be a few seconds old. @throws Problem NOT_FOUND */
  async showtimeNow(id: string): Promise<ShowtimeRecord> {
    return known("showtime", await readShowtime(this.#db, id, this.#clock.now()));
  }

  /** In index order. */
  async seats(record: ShowtimeRecord): Promise<readonly SeatView[]> {
    return (await this.#plan(record)).seats;
  }

  /** @throws Problem NOT_FOUND */
  async layout(showtimeId: string): Promise<LayoutBody> {
    const record = await this.showtime(showtimeId);
    const { showtime } = record;
    const load = async () => new LayoutBody(showtime, (await this.#plan(record)).json);
    return this.#layouts.get(`${showtime.id} ${showtime.version}`, load);
  }

  #plan({ showtime: { hallId }, planVersion }: ShowtimeRecord): Promise<PlanSeats> {
    return this.#plans.get(`${hallId} ${planVersion}`, async () => {
      const seats = [...seatsOf((await readPlan(this.#db, hallId, planVersion)).layout)];
      return { seats, json: Buffer.from(JSON.stringify(seats)) };
    });
  }
}

async function bodyOf<Value>(reading: Promise<Value | undefined>): Promise<AnswerBody<Value> | undefined> {
  const value = await reading;
  return value && answerBody(value);
}

async function found<Value>(
  what: Parameters<typeof known>[0],
  id: string,
  cache: Cache<Value | undefined>,
  read: () => Promise<Value | undefined>,
): Promise<Value> {
  return known(what, isPlainId(id) ? await cache.get(id, read) : undefined);
}

function requireDay(day: string | undefined): void {
  if (day === undefined || isCalendarDay(day)) return;
  throw new Problem("BAD_MESSAGE", "query.date must be a day that exists, as YYYY-MM-DD.", { field: "query.date" });
}
