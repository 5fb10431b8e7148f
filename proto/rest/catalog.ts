import { Type, type Static } from "typebox";
import { Id, Money, Page, PageQuery, Timestamp } from "./common.ts";

/** Any text: an id that cannot be one is simply not found. */
export const AnyIdParams = Type.Object({ id: Type.String({ description: "An opaque id." }) });

const Search = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 200, description }));
const Day = Type.String({ format: "date", description: "YYYY-MM-DD, a day in the cinema's time zone." });

export const MovieQuery = Type.Object({
  ...PageQuery.properties,
  title: Search("Part of the title; case and accents do not matter."),
  genre: Search("A genre, in full; case and accents do not matter."),
  actor: Search("Part of an actor's name; case and accents do not matter."),
  date: Type.Optional(Day),
});
export type MovieQuery = Static<typeof MovieQuery>;

export const Movie = Type.Object(
  {
    id: Id,
    title: Type.String(),
    year: Type.Integer(),
    genres: Type.Array(Type.String()),
    actors: Type.Array(Type.String()),
    director: Type.String(),
    synopsis: Type.String(),
    durationMinutes: Type.Integer(),
    poster: Type.String({ description: "Path of the poster, an SVG picture." }),
  },
  { $id: "Movie" },
);
export type Movie = Static<typeof Movie>;
export const MoviePage = Page(Movie);

export const Hall = Type.Object({
  id: Id,
  name: Type.String(),
  seatCount: Type.Integer(),
  planVersion: Type.Integer({ description: "Counts the hall's layouts." }),
});
export type Hall = Static<typeof Hall>;

const cinema = {
  id: Id,
  name: Type.String(),
  city: Type.String(),
  address: Type.String(),
  timeZone: Type.String({ description: "IANA name." }),
};
export const Cinema = Type.Object(cinema);
export type Cinema = Static<typeof Cinema>;
export const CinemaPage = Page(Cinema);
export const CinemaWithHalls = Type.Object({ ...cinema, halls: Type.Array(Hall) });
export type CinemaWithHalls = Static<typeof CinemaWithHalls>;

export const Category = Type.Object({ id: Type.String(), name: Type.String(), price: Money });
export type Category = Static<typeof Category>;

export const SHOWTIME_STATUSES = ["announced", "on-sale", "closed", "cancelled"] as const;
export type ShowtimeStatus = (typeof SHOWTIME_STATUSES)[number];

export const MovieShowtimesQuery = Type.Object({
  ...PageQuery.properties,
  cinemaId: Type.Optional(Id),
  date: Type.Optional(Day),
  premiere: Type.Optional(Type.Boolean({ description: "Only premieres, or none." })),
});
export const ShowtimeQuery = Type.Object({ ...MovieShowtimesQuery.properties, movieId: Type.Optional(Id) });
export type ShowtimeQuery = Static<typeof ShowtimeQuery>;

export const Showtime = Type.Object({
  id: Id,
  movieId: Id,
  title: Type.String({ description: "Of the movie." }),
  cinemaId: Id,
  cinemaName: Type.String(),
  hallId: Id,
  hallName: Type.String(),
  timeZone: Type.String({ description: "Of the cinema, IANA name." }),
  startsAt: Timestamp,
  endsAt: Timestamp,
  salesStartAt: Timestamp,
  salesEndAt: Timestamp,
  status: Type.String({ enum: [...SHOWTIME_STATUSES], description: "Whether its seats can be held now." }),
  premiere: Type.Boolean(),
  seatCount: Type.Integer(),
  categories: Type.Array(Category),
});
export type Showtime = Omit<Static<typeof Showtime>, "status"> & { status: ShowtimeStatus };
export const ShowtimePage = Page(Showtime);

export const LayoutSeat = Type.Object({
  index: Type.Integer({ description: "What seats are called in every other message." }),
  label: Type.String({ description: "What the cinema calls it; unique in the hall." }),
  section: Type.String(),
  row: Type.String(),
  number: Type.Integer(),
  category: Type.String({ description: "Id of its category." }),
  x: Type.Integer({ description: "Centimetres from the left end of the hall, as one faces the screen." }),
  y: Type.Integer({ description: "Centimetres from the front row, away from the screen." }),
  accessible: Type.Boolean({ description: "A wheelchair place." }),
  companion: Type.Boolean({ description: "Kept for somebody who comes with a wheelchair user." }),
});
export const Layout = Type.Object({
  showtimeId: Id,
  seats: Type.Array(LayoutSeat),
  categories: Type.Array(Category),
});

export const SeatStatuses = Type.Object({
  showtimeId: Id,
  epoch: Type.Integer(),
  seq: Type.Integer(),
  statuses: Type.String({ pattern: "^[0-3]*$", description: "A digit a seat: 0 free, 1 held, 2 booked, 3 blocked." }),
});
