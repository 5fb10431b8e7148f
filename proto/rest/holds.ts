import { Type, type Static } from "typebox";
import { closed } from "../closed.ts";
import { SEAT_MAX, SEATS_PER_REQUEST_MAX } from "../limits.ts";
import { Id, Timestamp } from "./common.ts";

const Accessible = Type.Optional(
  Type.Boolean({ description: "The holder needs a wheelchair place, or comes with somebody who does." }),
);

const NamedSeats = Type.Object(
  {
    seats: Type.Array(Type.Integer({ minimum: 0, maximum: SEAT_MAX }), {
      minItems: 1,
      maxItems: SEATS_PER_REQUEST_MAX,
      uniqueItems: true,
      description: "Indexes into the layout.",
    }),
    accessible: Accessible,
  },
  closed,
);

const BestAvailable = Type.Object(
  {
    best: Type.Object(
      {
        count: Type.Integer({ minimum: 1, maximum: SEATS_PER_REQUEST_MAX }),
        category: Type.Optional(
          Type.String({ minLength: 1, maxLength: 64, description: "Id of a category; any when left out." }),
        ),
        split: Type.Optional(Type.Boolean({ description: "The seats may be in several rows." })),
      },
      closed,
    ),
    accessible: Accessible,
  },
  closed,
);

export const HoldRequest = Type.Union([NamedSeats, BestAvailable], {
  examples: [{ seats: [40, 41] }, { best: { count: 2 } }],
});
export type HoldRequest = Static<typeof HoldRequest>;

export const Hold = Type.Object({
  holdId: Type.String(),
  showtimeId: Id,
  seats: Type.Array(Type.Integer()),
  expiresAt: Timestamp,
  expiresInMs: Type.Integer({ description: "From when the answer was given." }),
  status: Type.String({ enum: ["held", "paying"], description: "paying: pinned for a booking." }),
  bookingId: Type.Optional(Id),
});
export type Hold = Static<typeof Hold>;
