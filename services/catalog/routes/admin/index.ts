import type { Routes } from "../../../../platform/http/index.ts";
import type { CinemaDesk } from "../../admin/cinema-desk.ts";
import type { HallDesk } from "../../admin/hall-desk.ts";
import type { MovieDesk } from "../../admin/movie-desk.ts";
import type { ShowtimeDesk } from "../../admin/showtime-desk.ts";
import { cinemaRoutes } from "./cinemas.ts";
import { hallRoutes } from "./halls.ts";
import { movieRoutes } from "./movies.ts";
import { showtimeRoutes } from "./showtimes.ts";

export interface Desks {
  readonly movies: MovieDesk;
  readonly cinemas: CinemaDesk;
  readonly halls: HallDesk;
  readonly showtimes: ShowtimeDesk;
}

/** What an admin changes. Two who change one thing at once hear of each other: each change may name the version that it was made from. */
export const adminRoutes =
  ({ movies, cinemas, halls, showtimes }: Desks): Routes =>
  async (app, options) => {
    await movieRoutes(movies)(app, options);
    await cinemaRoutes(cinemas)(app, options);
    await hallRoutes(halls)(app, options);
    await showtimeRoutes(showtimes)(app, options);
  };
