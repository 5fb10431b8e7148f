import { MAY_BUY } from "../../../proto/index.ts";
import {
  AnyIdParams,
  Booking,
  BookingPage,
  BookingQuery,
  BookingRequest,
  CancelRequest,
  PaymentAnswer,
  PaymentRequest,
} from "../../../proto/rest/index.ts";
import {
  bodyOptional,
  decodeCursor,
  limitOf,
  pageOf,
  requireRole,
  type Routes,
  TimePlace,
} from "../../../platform/http/index.ts";
import type { Bookings } from "../bookings.ts";
import type { Stored } from "../store/store.ts";
import { bookingView, paymentView } from "../views.ts";
import { askerOf } from "./asker-of.ts";

const tags = ["bookings"];
const mayBuy = requireRole(...MAY_BUY);

export const bookingRoutes =
  (bookings: Bookings): Routes =>
  async (app) => {
    app.post(
      "/bookings",
      {
        onRequest: mayBuy,
        schema: {
          operationId: "createBooking",
          tags,
          summary: "Books the seats of a hold: they wait, at fixed prices, for the payment",
          body: BookingRequest,
          response: { 201: Booking },
        },
        config: {
          idempotent: true,
          problems: ["HOLD_NOT_FOUND", "HOLD_EXPIRED", "HOLD_PINNED", "NOT_FOUND", "SALE_CLOSED", "CONFLICT", "BUSY"],
          sends: ["Location"],
        },
      },
      async (request, reply) => {
        const asker = askerOf(request);
        const booking = bookingView(await bookings.book(asker, request.body), asker);
        return reply.code(201).header("location", `/api/v1/bookings/${booking.id}`).send(booking);
      },
    );

    app.get(
      "/bookings",
      {
        onRequest: mayBuy,
        schema: {
          operationId: "listBookings",
          tags,
          summary: "One's own bookings, newest first; an admin sees everybody's",
          querystring: BookingQuery,
          response: { 200: BookingPage },
        },
        config: { problems: ["FORBIDDEN"] },
      },
      async (request, reply) => {
        const { cursor, userId, showtimeId } = request.query;
        const limit = limitOf(request.query);
        const asker = askerOf(request);
        const rows = await bookings.list(asker, {
          limit,
          ...(userId !== undefined && { userId }),
          ...(showtimeId !== undefined && { showtimeId }),
          ...(cursor !== undefined && { after: decodeCursor(TimePlace, cursor) }),
        });
        void reply.header("cache-control", "no-store");
        const shown = (stored: Stored) => bookingView(stored, asker);
        return pageOf(rows, limit, shown, ({ booking }) => [booking.createdAt, booking.id]);
      },
    );

    app.get(
      "/bookings/:id",
      {
        onRequest: mayBuy,
        schema: {
          operationId: "getBooking",
          tags,
          summary: "One's own booking, and how it stands",
          params: AnyIdParams,
          response: { 200: Booking },
        },
        config: { problems: ["BOOKING_NOT_FOUND"] },
      },
      async (request, reply) => {
        void reply.header("cache-control", "no-store");
        const asker = askerOf(request);
        return bookingView(await bookings.read(asker, request.params.id), asker);
      },
    );

    app.post(
      "/bookings/:id/payments",
      {
        onRequest: mayBuy,
        schema: {
          operationId: "payBooking",
          tags,
          summary: "Begins a payment; its outcome is the booking's status",
          description:
            "A declined payment makes the booking `failed`; until `payBy` another may be begun all the same, up to ten times. One at a time. Past `payBy` it is `UNAVAILABLE` until the engine has said how much time it gives back, and `BOOKING_STATE` when that was none.",
          params: AnyIdParams,
          body: PaymentRequest,
          response: { 202: PaymentAnswer },
        },
        config: {
          idempotent: true,
          problems: ["BOOKING_NOT_FOUND", "BOOKING_STATE", "FORBIDDEN", "LIMIT_REACHED", "PAYMENT_METHOD_UNAVAILABLE"],
          sends: ["Location"],
        },
      },
      async (request, reply) => {
        const { booking } = await bookings.pay(askerOf(request), request.params.id, request.body);
        if (booking.payment === null) throw new Error(`${booking.id} was paid for without a payment`);
        return reply.code(202).header("location", `/api/v1/bookings/${booking.id}`).send(paymentView(booking.payment));
      },
    );

    app.post(
      "/bookings/:id/cancel",
      {
        onRequest: mayBuy,
        preValidation: bodyOptional,
        schema: {
          operationId: "cancelBooking",
          tags,
          summary: "Gives back all seats or some, and whatever was paid for them",
          description:
            "A paid booking can be cancelled until the showtime's `cancelUntil`, and none of its seats whose ticket was let in; by an admin always.",
          params: AnyIdParams,
          body: CancelRequest,
          response: { 200: Booking },
        },
        config: {
          idempotent: true,
          problems: ["BOOKING_NOT_FOUND", "BOOKING_STATE", "CANCELLATION_CLOSED", "ALREADY_USED", "NOT_FOUND"],
        },
      },
      async (request) => {
        const asker = askerOf(request);
        return bookingView(await bookings.cancel(asker, request.params.id, request.body), asker);
      },
    );
  };
