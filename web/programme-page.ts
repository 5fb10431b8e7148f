import type { Movie, RestClient, Showtime } from "../client/index.ts";
import { button, byId, create, replaceItems } from "./dom.ts";
import { formatDay, formatTime, formatWhen } from "./format.ts";
import { groupBy } from "./group-by.ts";
import { isOnSale, saleWords } from "./hall/sale-words.ts";

const NOTHING_WORDS = "Nothing is on sale just now.";
/** On the average. Screens in foyers show the programme for weeks. */
const LOOK_EVERY_MS = 5 * 60_000;

/** What is on, a day at a time; read again every few minutes, and when somebody comes back to it. */
export class ProgrammePage {
  readonly #rest: RestClient;
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The programme that is shown, as it was read. */
  #shown = "";
  /** Chosen by the visitor. */
  #day: string | undefined;

  constructor(rest: RestClient) {
    this.#rest = rest;
    const { signal } = this.#stop;
    document.addEventListener("visibilitychange", () => !document.hidden && void this.#look(), { signal });
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  /** @throws (rejects) what `RestClient` does. */
  async load(): Promise<void> {
    const { signal } = this.#stop;
    clearTimeout(this.#timer);
    try {
      const [movies, showtimes] = await Promise.all([this.#rest.movies(), this.#rest.showtimes()]);
      // A link must not be replaced under a finger.
      const now = JSON.stringify([movies, showtimes]);
      if (signal.aborted || now === this.#shown) return;
      this.#shown = now;
      this.#show(movies, showtimes);
    } finally {
      clearTimeout(this.#timer);
      if (!signal.aborted) this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS * (0.5 + Math.random()));
    }
  }

  /** What was read last stays where nothing can be read. */
  async #look(): Promise<void> {
    await this.load().catch(() => {});
  }

  #show(movies: readonly Movie[], showtimes: readonly Showtime[]): void {
    const upcoming = showtimes.filter(({ status }) => status === "on-sale" || status === "announced");
    const posters = new Map(movies.map((movie) => [movie.id, movie]));
    showPremiere(upcoming, posters, this.#rest.now());
    const days = groupBy(upcoming, ({ startsAt, timeZone }) => formatDay(startsAt, timeZone));
    const bar = byId("days", HTMLElement);
    const choose = (day: string): void => {
      for (const tab of bar.children) tab.setAttribute("aria-pressed", String(tab.textContent === day));
      showFilms(days.get(day) ?? [], posters, this.#rest.now());
    };
    const tabs = [...days.keys()].map((day) =>
      button(day, () => {
        this.#day = day;
        choose(day);
      }),
    );
    replaceItems(bar, tabs, toContent);
    const [today] = days.keys();
    const day = this.#day !== undefined && days.has(this.#day) ? this.#day : today;
    if (day === undefined) replaceItems(byId("films", HTMLElement), [create("li", {}, NOTHING_WORDS)], toContent);
    else choose(day);
  }
}

function showPremiere(showtimes: readonly Showtime[], movies: ReadonlyMap<string, Movie>, now: number): void {
  const premiere = showtimes.find((showtime) => showtime.premiere);
  const box = byId("premiere", HTMLElement);
  if (premiere === undefined) return replaceItems(box, [], toContent);
  const movie = movies.get(premiere.movieId);
  const when = formatWhen(premiere.startsAt, premiere.timeZone);
  const isOpen = isOnSale(premiere, now);
  const words = create(
    "div",
    {},
    create("p", { className: "tag" }, "Premiere"),
    create("h2", {}, premiere.title),
    create("p", {}, `${when}, ${premiere.cinemaName}, ${premiere.hallName}`),
    ...(isOpen ? [] : [create("p", {}, saleWords(premiere, now))]),
    create("a", { href: `#/showtimes/${premiere.id}` }, isOpen ? "Watch it sell and take your seats" : "See the hall"),
  );
  replaceItems(box, [create("article", { className: "premiere" }, poster(movie), words)], toContent);
}

function showFilms(showtimes: readonly Showtime[], movies: ReadonlyMap<string, Movie>, now: number): void {
  const films = [...groupBy(showtimes, ({ movieId }) => movieId)].map(([movieId, shows]) => {
    const movie = movies.get(movieId);
    const about = movie === undefined ? "" : `${movie.year}, ${movie.durationMinutes} min, ${movie.genres.join(", ")}`;
    const times = shows.map((show) =>
      create(
        "li",
        { id: show.id },
        create(
          "a",
          { href: `#/showtimes/${show.id}` },
          formatTime(show.startsAt, show.timeZone),
          create("small", {}, `${show.cinemaName}, ${show.hallName}`),
          ...(isOnSale(show, now) ? [] : [create("small", {}, saleWords(show, now))]),
        ),
      ),
    );
    const words = create(
      "div",
      {},
      create("h2", {}, shows[0]?.title ?? ""),
      create("p", { className: "quiet" }, about),
      create("ul", { className: "times" }, ...times),
    );
    return create("li", { className: "film card" }, poster(movie), words);
  });
  replaceItems(byId("films", HTMLElement), films, toContent);
}

/** Where focus goes whose link is gone. */
const toContent = (): HTMLElement => byId("main", HTMLElement);

const poster = (movie: Movie | undefined): HTMLElement =>
  create("img", {
    className: "poster",
    src: movie?.poster ?? "icon.svg",
    alt: "",
    loading: "lazy",
    width: 96,
    height: 144,
  });
