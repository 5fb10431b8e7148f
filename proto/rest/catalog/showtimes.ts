import { type Static, Type } from "typebox";
import { closed } from "../../closed.ts";
import { Id, Money, Page, PageQuery, Timestamp } from "../common.ts";
import { CategoryId, Day, ExpectedVersion, Version, exampleId } from "./parts.ts";

export const ShowtimeParams = exampleId("st_premiere");

export const TicketPrices = Type.Object(
  { adult: Money, child: Money, senior: Money, student: Money },
  { description: "By ticket type." },
);
export type TicketPrices = Static<typeof TicketPrices>;

const Category = Type.Object({
  id: Type.String(),
  name: Type.String(),
  price: { ...Money, description: "For an adult." },
  prices: TicketPrices,
});

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
    amount: Type.Integer({
      minimum: 0,
      maximum: 100_000_000,
      description:
        "In minor units: 1250 is 12.50 in EUR. A multiple of ten in currencies of three decimals, as card networks want it.",
    }),
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
      Type.Enum(["scheduled", ...SHOWTIME_STATUSES], {
        description:
          "`cancelled` ends the sale for good, and every buyer gets the money back. Any other, such as the one that is shown, changes nothing.",
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
export const Layout = Type.Object({ showtimeId: Id, seats: Type.Array(LayoutSeat), categories: Type.Array(Category) });

export const SeatStatuses = Type.Object({
  showtimeId: Id,
  epoch: Type.Integer({ description: "Grows when the showtime gets another writer." }),
  seq: Type.Integer(),
  statuses: Type.String({ pattern: "^[0-3]*$", description: "A digit a seat: 0 free, 1 held, 2 booked, 3 blocked." }),
});
