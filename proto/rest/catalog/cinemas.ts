import { type Static, Type } from "typebox";
import { closed } from "../../closed.ts";
import { Id, Page, PageQuery } from "../common.ts";
import { ExpectedVersion, Line, LineOrNone, Search, Version, exampleId } from "./parts.ts";
import { Hall } from "./halls.ts";

export const CinemaParams = exampleId("ci_astoria");

export const CinemaQuery = Type.Object({
  ...PageQuery.properties,
  name: Search("Part of the name or city; case and accents do not matter."),
});
export type CinemaQuery = Static<typeof CinemaQuery>;

const cinema = {
  id: Id,
  name: Type.String(),
  city: Type.String(),
  address: Type.String(),
  timeZone: Type.String({ description: "IANA name." }),
  version: Version,
};
export const Cinema = Type.Object(cinema);
export type Cinema = Static<typeof Cinema>;
export const CinemaPage = Page(Cinema);
export const CinemaWithHalls = Type.Object({ ...cinema, halls: Type.Array(Hall) });
export type CinemaWithHalls = Static<typeof CinemaWithHalls>;

const cinemaInput = {
  name: Line(120),
  city: Type.Optional(LineOrNone(120)),
  address: Type.Optional(LineOrNone(300)),
  timeZone: Type.Optional(
    Type.String({
      maxLength: 64,
      pattern: "^[A-Za-z]", // Offsets are no names, and PostgreSQL reads their sign the other way round.
      description: "IANA name, such as Europe/Berlin; UTC when left out.",
    }),
  ),
};
const cinemaExample = {
  name: "Filmtheater am Markt",
  city: "Weimar",
  address: "Markt 3, 99423 Weimar",
  timeZone: "Europe/Berlin",
};
const astoria = {
  name: "Astoria Lichtspiele",
  city: "Berlin",
  address: "Kantstraße 48, 10625 Berlin",
  timeZone: "Europe/Berlin",
  version: 1,
};
export const NewCinema = Type.Object(cinemaInput, { ...closed, examples: [cinemaExample] });
export type NewCinema = Static<typeof NewCinema>;
export const ChangedCinema = Type.Object(
  { ...cinemaInput, version: ExpectedVersion },
  { ...closed, examples: [astoria] },
);
