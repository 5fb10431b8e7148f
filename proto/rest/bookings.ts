/** Bookings, from the hold to the money back. */
import { Type, type Static } from "typebox";
import { closed } from "../closed.ts";
import { SEAT_MAX, SEATS_PER_REQUEST_MAX } from "../limits.ts";
import { BOOKING_STATUSES, PAYMENT_METHODS, PAYMENT_STATES, TICKET_TYPES } from "../services/index.ts";
import { Id, Money, Page, PageQuery, Timestamp } from "./common.ts";

const Seat = Type.Integer({ minimum: 0, maximum: SEAT_MAX, description: "Index into the layout." });
const TicketTypeName = Type.Enum([...TICKET_TYPES]);
const Ticket = Type.Object({ seat: Type.Integer(), label: Type.String(), type: TicketTypeName, price: Money });
const CancelledBy = { ...Id, description: "For admins: the user who cancelled it, where that was not the buyer." };

export const BookingRequest = Type.Object(
  {
    holdId: Type.String({ minLength: 1, maxLength: 80 }),
    tickets: Type.Optional(
      Type.Array(Type.Object({ seat: Seat, type: TicketTypeName }, closed), {
        maxItems: SEATS_PER_REQUEST_MAX,
        description: "Who sits where; a seat that is not named is an adult's.",
      }),
    ),
    acceptOtherSeats: Type.Optional(
      Type.Boolean({
        description:
          "Should the money come so late that the seats are gone: as many neighbouring seats of the same category will do.",
      }),
    ),
  },
  { ...closed, examples: [{ holdId: "st_1.2s", tickets: [{ seat: 41, type: "child" }], acceptOtherSeats: true }] },
);
export type BookingRequest = Static<typeof BookingRequest>;

export const PaymentRequest = Type.Object(
  {
    method: Type.Enum([...PAYMENT_METHODS], { description: "terminal: for kiosks, box offices and admins." }),
    token: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        pattern: "^[\\x21-\\x7e]+$",
        description: "Of the gateway. With none the buyer pays on the gateway's page: see `next`.",
      }),
    ),
  },
  { ...closed, examples: [{ method: "mock", token: "tok_ok" }] },
);
export type PaymentRequest = Static<typeof PaymentRequest>;

const Next = Type.Union([Type.Object({ url: Type.String() }), Type.Object({ clientSecret: Type.String() })], {
  description:
    "What the buyer does next: opens the page, or hands the secret to Stripe's elements, again after a card was declined there.",
});

export const PaymentAnswer = Type.Object(
  {
    paymentId: Id,
    status: Type.Enum([...PAYMENT_STATES], { description: "The outcome comes later: see the booking." }),
    next: Type.Optional(Next),
  },
  { examples: [{ paymentId: "pay_5nV0a7jXTq2mZcW1r8dK3A", status: "pending" }] },
);
export type PaymentAnswer = Static<typeof PaymentAnswer>;

export const CancelRequest = Type.Object(
  {
    seats: Type.Optional(
      Type.Array(Seat, {
        minItems: 1,
        maxItems: SEATS_PER_REQUEST_MAX,
        uniqueItems: true,
        description: "Those to give back; all of them when left out.",
      }),
    ),
  },
  { ...closed, examples: [{ seats: [41] }] },
);
export type CancelRequest = Static<typeof CancelRequest>;

export const Booking = Type.Object(
  {
    id: Id,
    status: Type.Enum([...BOOKING_STATUSES], {
      description:
        "failed: it could not be sold, or its payment was declined; before payBy another payment may be tried then.",
    }),
    reason: Type.Union([Type.String(), Type.Null()], { description: "Why it is so, a sentence for the buyer." }),
    userId: Id,
    showtimeId: Id,
    holdId: Type.String(),
    seats: Type.Array(Type.Integer(), { description: "Indexes into the layout." }),
    tickets: Type.Array(Ticket),
    cancelledBy: Type.Optional(CancelledBy),
    cancelledTickets: Type.Array(
      Type.Object({ ...Ticket.properties, refundId: Id, cancelledBy: Type.Optional(CancelledBy) }),
      {
        description:
          "Those that were given back while others were kept: `seats`, `tickets` and `total` have them no more. `refundId` is that of the `payment.refund` of their price.",
      },
    ),
    total: { ...Money, description: "Of the seats that it still has, or had before all were given back." },
    payBy: {
      ...Timestamp,
      description:
        "Until when the seats wait for the payment. Moves on when it is reached, by the time that the engine was away.",
    },
    payment: Type.Union(
      [
        Type.Object({
          paymentId: Id,
          method: Type.Enum([...PAYMENT_METHODS]),
          status: Type.Enum([...PAYMENT_STATES, "refunded"], {
            description: "refunded: all that was captured went back; for a part of it see the booking's `refunded`.",
          }),
          next: Type.Optional(Next),
          captured: Type.Optional({ ...Money, description: "What was taken, whatever of it has gone back since." }),
          capturedAt: Type.Optional({
            ...Timestamp,
            description: "When it was taken: the `time` of its `payment.success`. Not known of payments of 0.1.0.",
          }),
        }),
        Type.Null(),
      ],
      { description: "The last one that was begun." },
    ),
    refunded: { ...Money, description: "What has gone back to the buyer, all in all." },
    refunds: Type.Array(Type.Object({ refundId: Id, amount: Money, doneAt: Timestamp }), {
      description:
        "Each time that money went back, as its `payment.refund` tells it. In `refunded` are also reservations that were let go, and what 0.1.0 gave back.",
    }),
    refunding: { ...Money, description: "What is on its way back." },
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  {
    $id: "Booking",
    examples: [
      {
        id: "bk_mY0b4S1q9kQf2hUu7x3LzA",
        status: "pending",
        reason: null,
        userId: "u_1",
        showtimeId: "st_1",
        holdId: "st_1.2s",
        seats: [40, 41],
        tickets: [
          { seat: 40, label: "D5", type: "adult", price: { amount: 1450, currency: "EUR" } },
          { seat: 41, label: "D6", type: "child", price: { amount: 950, currency: "EUR" } },
        ],
        cancelledTickets: [],
        total: { amount: 2400, currency: "EUR" },
        payBy: "2026-11-21T12:05:00.000Z",
        payment: null,
        refunded: { amount: 0, currency: "EUR" },
        refunds: [],
        refunding: { amount: 0, currency: "EUR" },
        createdAt: "2026-11-21T12:00:00.000Z",
        updatedAt: "2026-11-21T12:00:00.000Z",
      },
    ],
  },
);
export type Booking = Static<typeof Booking>;

export const BookingPage = Page(Booking);

export const BookingQuery = Type.Object({
  ...PageQuery.properties,
  userId: Type.Optional({ ...Id, description: "For admins: whose; everybody's when left out." }),
  showtimeId: Type.Optional(Id),
});
export type BookingQuery = Static<typeof BookingQuery>;
