/** What the demo shows, where and when. */
import { dayAfter, dayIn, instantOf } from "../local-day.ts";
import { FILMS, type Film } from "./films.ts";

export interface DemoShowtime {
  readonly id: string;
  readonly movieId: string;
  readonly hallId: string;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly premiere: boolean;
  /** For adults, by category, in minor units. */
  readonly prices: Readonly<Record<string, number>>;
}

export const DEMO_CINEMAS = [
  {
    id: "ci_astoria",
    name: "Astoria Lichtspiele",
    city: "Berlin",
    address: "Kantstraße 48, 10625 Berlin",
    time_zone: "Europe/Berlin",
  },
  {
    id: "ci_tejo",
    name: "Arena do Tejo",
    city: "Lisboa",
    address: "Alameda dos Oceanos 12, 1990-203 Lisboa",
    time_zone: "Europe/Lisbon",
  },
] as const;

export const CURRENCY = "EUR";
/** How many days after today have a programme. */
export const DAYS_AHEAD = 7;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A showtime that begins sooner is not worth selling. */
const LEAD_MS = 30 * MINUTE_MS;
/** For leaving, sweeping and coming in. */
export const CLEANING_MINUTES = 20;
const BERLIN = "Europe/Berlin";
/** The demo's days are those of its first cinema. */
const DEMO_ZONE = BERLIN;
const EVENING = "17:00";

const CINEMA_PRICES = { value: 900, standard: 1_200, premium: 1_500 };
const EVENING_PRICES = { value: 1_100, standard: 1_400, premium: 1_800 };
const PREMIERE_PRICES = { value: 1_800, standard: 2_400, premium: 3_200 };
/** What others pay of an adult's price, in hundredths. */
export const REDUCED = { child: 60, senior: 75, student: 80 } as const;
const ARENA_PRICES = { value: 2_200, standard: 3_500, premium: 4_900 };

/** The hall of the premiere comes first; the times of day are the cinema's own. */
const SCREENS = [
  { hallId: "ha_premiere", times: ["11:15", "14:15", "17:15", "20:15", "23:15"], zone: BERLIN, prices: undefined },
  { hallId: "ha_classic", times: ["11:30", "14:30", "17:30", "20:30", "23:30"], zone: BERLIN, prices: undefined },
  { hallId: "ha_studio", times: ["11:00", "14:00", "17:00", "20:00", "23:00"], zone: BERLIN, prices: undefined },
  { hallId: "ha_arena", times: ["20:30"], zone: "Europe/Lisbon", prices: ARENA_PRICES },
] as const;

/** Before the evening the halls show what the whole family may see. */
const MATINEES = FILMS.filter((film) => !film.genres.includes("Horror"));

/** The first premiere, under an id that tools may count on: tomorrow evening when the demo is loaded, in the hall of 480. */
export const PREMIERE_ID = "st_premiere";
const PREMIERE = { hallId: "ha_premiere", time: "20:15", movieId: "mv_metropolis" } as const;

export const demoToday = (now: number): string => dayIn(DEMO_ZONE, now);

interface Days {
  /** YYYY-MM-DD, both included. */
  readonly from: string;
  readonly to: string;
  /** The day whose evening is a premiere, and the id of that. */
  readonly premiere?: { readonly day: string; readonly id: string };
  /** What has begun, or is about to, is left out. */
  readonly now: number;
}

/** In order of their starts within each hall; none overlaps another. A day's programme is the same whenever it is made. */
export function demoProgramme({ from, to, premiere, now }: Days): DemoShowtime[] {
  const days: string[] = [];
  for (let day = from; day <= to; day = dayAfter(day, 1)) days.push(day);
  return SCREENS.flatMap(({ hallId, times, zone, prices }, screen) =>
    days.flatMap((date) => {
      const day = Date.parse(date) / DAY_MS;
      return times.map((time, slot): DemoShowtime => {
        const special = hallId === PREMIERE.hallId && time === PREMIERE.time && date === premiere?.day;
        const film = special
          ? filmOf(PREMIERE.movieId)
          : pick(time < EVENING ? MATINEES : FILMS, day * 5 + slot * 3 + screen * 2);
        const startsAt = instantOf(zone, date, time);
        return {
          id: special ? premiere.id : `st_${hallId.slice(3)}_${date.replaceAll("-", "")}_${time.replace(":", "")}`,
          movieId: film.id,
          hallId,
          startsAt,
          endsAt: startsAt + film.durationMinutes * MINUTE_MS,
          premiere: special,
          prices: special ? PREMIERE_PRICES : (prices ?? (time < EVENING ? CINEMA_PRICES : EVENING_PRICES)),
        };
      });
    }),
  ).filter(({ startsAt }) => startsAt >= now + LEAD_MS);
}

const filmOf = (id: string): Film =>
  pick(
    FILMS,
    FILMS.findIndex((film) => film.id === id),
  );

function pick(films: readonly Film[], at: number): Film {
  const film = films[at % films.length];
  if (film === undefined) throw new RangeError(`the demo has no film ${at}`);
  return film;
}
