import { Type, type Static } from "typebox";
import { Id, Money, Page, PageQuery, Timestamp } from "./common.ts";

const closed = { additionalProperties: false };

/** Any text: an id that cannot be one is simply not found. */
export const AnyIdParams = Type.Object({ id: Type.String({ description: "An opaque id." }) });
const exampleId = (example: string) =>
  Type.Object({ id: Type.String({ description: "An opaque id.", examples: [example] }) });

export const MovieParams = exampleId("mv_metropolis");
export const CinemaParams = exampleId("ci_astoria");
export const HallParams = exampleId("ha_studio");
export const ShowtimeParams = exampleId("st_premiere");

/** One line of text: whatever the script, but no control characters and no half characters. */
const Line = (maxLength: number, description?: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: String.raw`^(?=.*\S)[^\p{Cc}\p{Cs}]+$`,
    ...(description !== undefined && { description }),
  });

const Version = Type.Integer({
  minimum: 1,
  description: "Counts the changes; a change names the one that it was made from.",
});
const ExpectedVersion = Type.Optional(
  Type.Integer({
    minimum: 1,
    description:
      "The `version` that the change was made from; may be left out when `If-Match` has the resource's ETag.",
  }),
);

const Search = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 200, description }));
const Day = Type.String({ format: "date", description: "YYYY-MM-DD, a day in the cinema's time zone." });

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
  director: Type.Optional(Line(120)),
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

export const Hall = Type.Object({
  id: Id,
  name: Type.String(),
  seatCount: Type.Integer(),
  planVersion: Type.Integer({ description: "Counts the hall's layouts." }),
  version: Version,
});
export type Hall = Static<typeof Hall>;

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
  city: Type.Optional(Line(120)),
  address: Type.Optional(Line(300)),
  timeZone: Type.Optional(
    Type.String({ minLength: 1, maxLength: 64, description: "IANA name, such as Europe/Berlin; UTC when left out." }),
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

export const HALL_SEATS_MAX = 20_000;
const ROW_SEATS_MAX = 1_000;

const Coordinate = Type.Integer({ minimum: -32_768, maximum: 32_767, description: "Centimetres." });
const Point = Type.Object(
  { x: Coordinate, y: Coordinate },
  { ...closed, description: "x grows to the right as one faces the screen, y away from it." },
);
const CategoryId = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" });
const SeatNumber = Type.Integer({ minimum: 1, maximum: 9_999 });
const Length = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000, description }));

const DrawnSeat = Type.Object(
  {
    number: SeatNumber,
    x: Coordinate,
    y: Coordinate,
    category: Type.Optional(CategoryId),
    accessible: Type.Optional(Type.Boolean()),
    companion: Type.Optional(Type.Boolean()),
    aisleAfter: Type.Optional(Type.Boolean({ description: "The next seat of the row is not a neighbour." })),
  },
  closed,
);

const DrawnRow = Type.Object(
  {
    name: Line(20, "Stands before the seat's number in its label."),
    category: Type.Optional(CategoryId),
    parts: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: ROW_SEATS_MAX }), {
        minItems: 1,
        maxItems: 50,
        description:
          "How many seats are between the aisles, from left to right; they are numbered and placed by the section's shape.",
      }),
    ),
    accessible: Type.Optional(
      Type.Array(SeatNumber, { maxItems: ROW_SEATS_MAX, description: "With `parts`: the wheelchair places." }),
    ),
    companions: Type.Optional(
      Type.Array(SeatNumber, {
        maxItems: ROW_SEATS_MAX,
        description: "With `parts`: the seats kept for those who come along.",
      }),
    ),
    seats: Type.Optional(
      Type.Array(DrawnSeat, {
        minItems: 1,
        maxItems: ROW_SEATS_MAX,
        description:
          "In place of `parts`: every seat where it stands, from left to right; gaps of any kind are just distances.",
      }),
    ),
  },
  { ...closed, description: "Either `parts` or `seats`." },
);

const SectionShape = Type.Object(
  {
    kind: Type.Enum(["straight", "arc"]),
    front: Type.Optional(Point),
    centre: Type.Optional(Point),
    radius: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 32_767, description: "Of the first row, in centimetres." }),
    ),
    bearing: Type.Optional(
      Type.Number({ minimum: -180, maximum: 180, description: "Degrees by which the middle is turned to the left." }),
    ),
  },
  {
    ...closed,
    description:
      "`straight`: rows behind each other, the first with its middle at `front`. `arc`: rows bend around `centre`, the first at `radius`.",
  },
);

const DrawnSection = Type.Object(
  {
    name: Line(60),
    prefix: Type.Optional(
      Type.String({
        maxLength: 20,
        pattern: String.raw`^[^\p{Cc}\p{Cs}]*$`,
        description: "Stands before the row in labels, where row names repeat from section to section.",
      }),
    ),
    shape: Type.Optional(SectionShape),
    rowPitch: Length("From row to row; 100 when left out."),
    seatPitch: Length("From seat to seat; 55 when left out."),
    aisleWidth: Length("120 when left out."),
    rows: Type.Array(DrawnRow, { minItems: 1, maxItems: 500 }),
  },
  closed,
);

const HallCategory = Type.Object(
  {
    id: CategoryId,
    name: Line(60),
    focal: Type.Optional(Point),
  },
  { ...closed, description: "`focal`: where its best seats are; the middle of its seats when left out." },
);

export const AccessibleReleaseRule = Type.Object(
  {
    when: Type.Enum(["always", "never", "before-end"]),
    minutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 525_600, description: "With `before-end`." })),
  },
  { ...closed, description: "When seats kept for wheelchair users and their companions may go to others." },
);

const drawing = {
  categories: Type.Array(HallCategory, { minItems: 1, maxItems: 50 }),
  sections: Type.Array(DrawnSection, { minItems: 1, maxItems: 200 }),
};
export const HallDrawing = Type.Object(drawing, closed);
export type HallDrawing = Static<typeof HallDrawing>;

/** A hall as the layout editor takes and gives it. */
export const HallPlanView = Type.Object({
  ...Hall.properties,
  cinemaId: Id,
  cleaningMinutes: Type.Integer(),
  orphanRule: Type.Enum(["none", "lenient", "strict"]),
  accessibleRelease: AccessibleReleaseRule,
  ...drawing,
});
export type HallPlanView = Static<typeof HallPlanView>;

const hallInput = {
  cinemaId: Id,
  name: Line(120),
  cleaningMinutes: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 600,
      description: "Between a showtime's end and the next one; 15 when left out.",
    }),
  ),
  orphanRule: Type.Optional(
    Type.Enum(["none", "lenient", "strict"], {
      description: "Whether choices that leave a single seat are refused; none when left out.",
    }),
  ),
  accessibleRelease: Type.Optional(AccessibleReleaseRule),
  ...drawing,
};
const hallExample = {
  cinemaId: "ci_astoria",
  name: "Balcony",
  categories: [
    { id: "value", name: "Value" },
    { id: "standard", name: "Standard", focal: { x: 0, y: 100 } },
    { id: "premium", name: "Loge" },
  ],
  sections: [
    {
      name: "Balcony",
      shape: { kind: "arc", centre: { x: 0, y: -1_500 }, radius: 1_500, bearing: 0 },
      rows: [
        { name: "A", category: "value", parts: [4, 8, 4], accessible: [1], companions: [2] },
        { name: "B", category: "standard", parts: [4, 8, 4] },
        {
          name: "C",
          category: "premium",
          seats: [
            { number: 1, x: -60, y: 400 },
            { number: 2, x: 60, y: 400 },
          ],
        },
      ],
    },
  ],
};
export const NewHall = Type.Object(hallInput, { ...closed, examples: [hallExample] });
export type NewHall = Static<typeof NewHall>;
export const ChangedHall = Type.Object(
  { ...hallInput, version: ExpectedVersion },
  { ...closed, examples: [{ ...hallExample, name: "Studio", version: 1 }] },
);

export const TicketPrices = Type.Object(
  { adult: Money, child: Money, senior: Money, student: Money },
  { description: "By ticket type." },
);
export type TicketPrices = Static<typeof TicketPrices>;

export const Category = Type.Object({
  id: Type.String(),
  name: Type.String(),
  price: { ...Money, description: "For an adult." },
  prices: TicketPrices,
});
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
  cancelUntil: { ...Timestamp, description: "Until when a buyer may give tickets back, ISO 8601, in UTC." },
  status: Type.String({ enum: [...SHOWTIME_STATUSES], description: "Whether its seats can be held now." }),
  premiere: Type.Boolean(),
  seatCount: Type.Integer(),
  categories: Type.Array(Category),
  version: Version,
});
export type Showtime = Omit<Static<typeof Showtime>, "status"> & { status: ShowtimeStatus };
export const ShowtimePage = Page(Showtime);

const Price = Type.Object(
  {
    amount: Type.Integer({ minimum: 0, maximum: 100_000_000, description: "In minor units: 1250 is 12.50 in EUR." }),
    currency: Type.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217; the same in all prices of a showtime." }),
  },
  closed,
);
const CategoryPrices = Type.Object(
  {
    category: CategoryId,
    adult: Price,
    child: Type.Optional(Price),
    senior: Type.Optional(Price),
    student: Type.Optional(Price),
  },
  { ...closed, description: "A ticket type without a price costs as much as an adult's." },
);
export type CategoryPrices = Static<typeof CategoryPrices>;

const showtimeInput = {
  movieId: Id,
  hallId: Id,
  startsAt: Timestamp,
  endsAt: Type.Optional({ ...Timestamp, description: "`startsAt` and the movie's duration when left out." }),
  salesStartAt: Type.Optional({
    ...Timestamp,
    description: "At once when left out; of a showtime that is changed: as it was.",
  }),
  salesEndAt: Type.Optional({ ...Timestamp, description: "`startsAt` when left out." }),
  cancelUntil: Type.Optional({
    ...Timestamp,
    description: "Until when a buyer may give tickets back; two hours before `startsAt` when left out.",
  }),
  premiere: Type.Optional(Type.Boolean()),
  prices: Type.Array(CategoryPrices, {
    minItems: 1,
    maxItems: 50,
    description: "One entry for each category of the hall.",
  }),
};
const eur = (amount: number) => ({ amount, currency: "EUR" });
const showtimeExample = {
  movieId: "mv_metropolis",
  hallId: "ha_studio",
  startsAt: "2031-05-01T20:00:00Z",
  prices: [
    { category: "value", adult: eur(900), child: eur(600) },
    { category: "standard", adult: eur(1_200), child: eur(800), student: eur(1_000) },
    { category: "premium", adult: eur(1_500) },
  ],
};
export const NewShowtime = Type.Object(showtimeInput, { ...closed, examples: [showtimeExample] });
export type NewShowtime = Static<typeof NewShowtime>;
export const ChangedShowtime = Type.Object(
  {
    ...showtimeInput,
    status: Type.Optional(
      Type.Enum(["scheduled", "cancelled"], {
        description: "`cancelled` ends the sale for good, and every buyer gets the money back.",
      }),
    ),
    version: ExpectedVersion,
  },
  { ...closed, examples: [{ ...showtimeExample, hallId: "ha_premiere", version: 1 }] },
);
export type ChangedShowtime = Static<typeof ChangedShowtime>;

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
