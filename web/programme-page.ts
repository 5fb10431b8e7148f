import type { Movie, RestClient, Showtime } from "../client/index.ts";
import { byId, create } from "./dom.ts";
import { formatDay, formatTime } from "./format.ts";
import { groupBy } from "./group-by.ts";

/** What is on, a day at a time. */
export async function showProgramme(rest: RestClient): Promise<void> {
  const [movies, showtimes] = await Promise.all([rest.movies(), rest.showtimes()]);
  const upcoming = showtimes.filter(({ status }) => status === "on-sale" || status === "announced");
  const posters = new Map(movies.map((movie) => [movie.id, movie]));
  showPremiere(upcoming, posters);
  const days = groupBy(upcoming, ({ startsAt, timeZone }) => formatDay(startsAt, timeZone));
  const bar = byId("days", HTMLElement);
  const choose = (day: string): void => {
    for (const tab of bar.children) tab.setAttribute("aria-pressed", String(tab.textContent === day));
    showFilms(days.get(day) ?? [], posters);
  };
  bar.replaceChildren(
    ...[...days.keys()].map((day) => {
      const tab = create("button", { type: "button" }, day);
      tab.addEventListener("click", () => choose(day));
      return tab;
    }),
  );
  const [today] = days.keys();
  if (today === undefined) byId("films", HTMLElement).replaceChildren(create("li", {}, "Nothing is on sale just now."));
  else choose(today);
}

function showPremiere(showtimes: readonly Showtime[], movies: ReadonlyMap<string, Movie>): void {
  const premiere = showtimes.find((showtime) => showtime.premiere);
  const box = byId("premiere", HTMLElement);
  if (premiere === undefined) return box.replaceChildren();
  const movie = movies.get(premiere.movieId);
  const when = `${formatDay(premiere.startsAt, premiere.timeZone)}, ${formatTime(premiere.startsAt, premiere.timeZone)}`;
  const words = create(
    "div",
    {},
    create("p", { className: "tag" }, "Premiere"),
    create("h2", {}, premiere.title),
    create("p", {}, `${when}, ${premiere.cinemaName}, ${premiere.hallName}`),
    create("a", { href: `#/showtimes/${premiere.id}` }, "Watch it sell and take your seats"),
  );
  box.replaceChildren(create("article", { className: "premiere" }, poster(movie), words));
}

function showFilms(showtimes: readonly Showtime[], movies: ReadonlyMap<string, Movie>): void {
  const films = [...groupBy(showtimes, ({ movieId }) => movieId)].map(([movieId, shows]) => {
    const movie = movies.get(movieId);
    const about = movie === undefined ? "" : `${movie.year}, ${movie.durationMinutes} min, ${movie.genres.join(", ")}`;
    const times = shows.map((show) =>
      create(
        "li",
        {},
        create(
          "a",
          { href: `#/showtimes/${show.id}` },
          formatTime(show.startsAt, show.timeZone),
          create("small", {}, `${show.cinemaName}, ${show.hallName}`),
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
  byId("films", HTMLElement).replaceChildren(...films);
}

const poster = (movie: Movie | undefined): HTMLElement =>
  create("img", {
    className: "poster",
    src: movie?.poster ?? "icon.svg",
    alt: "",
    loading: "lazy",
    width: 96,
    height: 144,
  });
