import { type Static, Type } from "typebox";
import { closed } from "../../closed.ts";
import { Id, Page, PageQuery } from "../common.ts";
import { Day, ExpectedVersion, Line, LineOrNone, Search, Version, exampleId } from "./parts.ts";

export const MovieParams = exampleId("mv_metropolis");

export const MovieQuery = Type.Object({
  ...PageQuery.properties,
  title: Search(
    "Part of the title, the best match first; case and accents do not matter. Where no title has it, those that resemble it.",
  ),
  genre: Search("A genre, in full; case and accents do not matter."),
  actor: Search("Part of an actor's name; case and accents do not matter."),
  cinema: Search("Part of the name or city of a cinema that shows it; case and accents do not matter."),
  cinemaId: Type.Optional(Id),
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
    version: Version,
  },
  { $id: "Movie" },
);
export type Movie = Static<typeof Movie>;
export const MoviePage = Page(Movie);

const movieInput = {
  title: Line(200),
  year: Type.Optional(Type.Integer({ minimum: 1880, maximum: 2200, description: "The present one when left out." })),
  genres: Type.Optional(Type.Array(Line(60), { maxItems: 20 })),
  actors: Type.Optional(Type.Array(Line(120), { maxItems: 100 })),
  director: Type.Optional(LineOrNone(120)),
  synopsis: Type.Optional(Type.String({ maxLength: 5_000, pattern: String.raw`^[^\p{Cs}]*$` })),
  durationMinutes: Type.Integer({ minimum: 1, maximum: 1_000 }),
};
const movieExample = {
  title: "The Lodger",
  year: 1927,
  genres: ["Thriller"],
  actors: ["Ivor Novello", "June Tripp"],
  director: "Alfred Hitchcock",
  synopsis: "A stranger takes a room while a killer walks the fog.",
  durationMinutes: 92,
};
const metropolis = {
  title: "Metropolis",
  year: 1927,
  genres: ["Science Fiction", "Drama"],
  actors: ["Brigitte Helm", "Alfred Abel", "Gustav Fröhlich", "Rudolf Klein-Rogge"],
  director: "Fritz Lang",
  synopsis: "In a city whose thinkers live in towers, an inventor gives a woman's face to a machine.",
  durationMinutes: 153,
  version: 1,
};
export const NewMovie = Type.Object(movieInput, { ...closed, examples: [movieExample] });
export type NewMovie = Static<typeof NewMovie>;
export const ChangedMovie = Type.Object(
  { ...movieInput, version: ExpectedVersion },
  { ...closed, examples: [metropolis] },
);
