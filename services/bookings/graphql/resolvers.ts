import type { Bus } from "../../../platform/bus/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { holderId, type HolderId, isPlainId, mayBuy, SEATS_PER_REQUEST_MAX } from "../../../proto/index.ts";
import { PAYMENT_METHODS } from "../../../proto/services/index.ts";
import { Problem, problemOf } from "../../../platform/http/index.ts";
import type { Asker } from "../asker.ts";
import type { Bookings } from "../bookings.ts";
import type { Holds } from "../holds.ts";
import { ridOf } from "../ids.ts";
import { refundingOf, totalOf } from "../saga/booking.ts";
import { sameSeats } from "../same-seats.ts";
import type { Stored } from "../store/store.ts";
import { shownStatus } from "../views.ts";
import { BOOKINGS_DEFAULT, BOOKINGS_MAX } from "./limits.ts";
import type { SeatNumber } from "./schema.ts";
import { seatIndexes } from "./seat-numbers.ts";

export interface GraphqlParts {
  readonly bookings: Bookings;
  readonly holds: Holds;
  readonly bus: Bus;
  readonly random: RandomBytes;
}

export interface Context {
  /** Null for strangers, who may look at the schema. */
  readonly asker: Asker | null;
  /** Notes why something was refused. @returns what may be told of it */
  refused(error: unknown): Problem;
}

/** What REST does, in other words: the same holds and bookings, the same rights, the same refusals. */
export function resolversOf({ bookings, holds, bus, random }: GraphqlParts) {
  async function createBooking(
    asker: Asker,
    { showtimeId, seatNumbers }: { showtimeId: string; seatNumbers: readonly SeatNumber[] },
  ) {
    if (seatNumbers.length < 1 || seatNumbers.length > SEATS_PER_REQUEST_MAX) {
      throw new Problem("BAD_MESSAGE", `seatNumbers holds 1 to ${SEATS_PER_REQUEST_MAX} seats.`);
    }
    if (!isPlainId(showtimeId)) throw new Problem("NOT_FOUND", "There is no such showtime.");
    const seats = await seatIndexes(bus, showtimeId, seatNumbers);
    // A repetition goes by the engine's first answer too: read anew, a hold that is over would be refused before its booking is found.
    const attempt = { rid: ridOf("graphql", asker.key, random), repeatable: false };
    const hold = await holds.take(asker, showtimeId, { seats }, attempt);
    if (!sameSeats(hold.seats, seats)) {
      throw new Problem("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used before with other seats.");
    }
    const stored = await bookings.book(asker, { holdId: hold.holdId }).catch(async (error: unknown) => {
      // Without a key the next try holds anew, and would find its own seats taken. Should this fail too, the hold runs out by itself.
      if (asker.key === undefined) {
        await holds.release(asker, hold.holdId, ridOf("graphql", undefined, random)).catch(() => undefined);
      }
      throw error;
    });
    return resultOf(
      stored,
      `The seats are yours once they are paid: by ${new Date(stored.booking.payBy).toISOString()}.`,
    );
  }

  async function processPayment(
    asker: Asker,
    args: { bookingId: string; paymentMethod: string; paymentDetails?: string | null },
  ) {
    const method = PAYMENT_METHODS.find((known) => known === args.paymentMethod.toLowerCase());
    if (method === undefined)
      throw new Problem("BAD_MESSAGE", `paymentMethod is one of ${PAYMENT_METHODS.join(", ")}.`);
    const token = args.paymentDetails ?? undefined;
    const begun = await bookings.pay(asker, args.bookingId, { method, ...(token !== undefined && { token }) });
    const { next = null } = begun.booking.payment ?? {};
    if (next !== null && "url" in next && token === undefined) {
      return { ...resultOf(begun, "The buyer pays on the gateway's page."), paymentUrl: next.url };
    }
    const stored = await bookings.settled(asker, args.bookingId);
    const { status, reason } = stored.booking;
    switch (status) {
      case "confirmed":
        return resultOf(stored, "It is paid, and the seats are booked.");
      case "paying":
        return resultOf(stored, "The payment is under way; see getBooking for its outcome.");
      case "pending":
      case "cancelled":
      case "refunded":
      case "expired":
      case "failed":
        return { ...resultOf(stored, reason ?? `The booking is ${status}.`), success: false };
    }
  }

  return {
    Query: {
      getBooking: (_root: unknown, { bookingId }: { bookingId: string }, context: Context) =>
        answer(context, async (own) => resultOf(await bookings.read(own, bookingId))),

      async getUserBookings(_root: unknown, args: { userId: string; limit?: number | null }, { asker }: Context) {
        const limit = Math.min(Math.max(1, args.limit ?? BOOKINGS_DEFAULT), BOOKINGS_MAX);
        const own = signedIn(asker);
        const rows = await bookings.list(own, { userId: userIdOf(args.userId), limit });
        return rows.slice(0, limit).map((stored) => resultOf(stored));
      },
    },
    Mutation: {
      createBooking: (
        _root: unknown,
        args: { userId: string; showtimeId: string; seatNumbers: readonly SeatNumber[] },
        context: Context,
      ) => answer(context, (own) => createBooking(inNameOf(own, args.userId), args)),

      processPayment: (
        _root: unknown,
        args: { bookingId: string; paymentMethod: string; paymentDetails?: string | null },
        context: Context,
      ) => answer(context, (own) => processPayment(own, args)),
    },
  };
}

/** What was asked for, or why not. Only strangers are refused with an error. */
async function answer<Result>({ asker, refused }: Context, work: (own: Asker) => Promise<Result>) {
  const own = signedIn(asker);
  try {
    return await work(own);
  } catch (error) {
    if (problemOf(error).code === "INTERNAL") throw error;
    const { code, message } = refused(error);
    return { success: false, code, message, lockId: null, booking: null };
  }
}

function signedIn(asker: Asker | null): Asker {
  if (asker === null) throw new Problem("UNAUTHORIZED", "Sign in: send `Authorization: Bearer <access token>`.");
  if (!mayBuy(asker.role)) throw new Problem("FORBIDDEN", `The role ${asker.role} does not book.`);
  return asker;
}

function inNameOf(asker: Asker, userId: string): Asker {
  if (userId === asker.userId) return asker;
  if (asker.role !== "admin") throw new Problem("FORBIDDEN", "Only an admin books in the name of others.");
  return { ...asker, userId: userIdOf(userId) };
}

function userIdOf(text: string): HolderId {
  if (!isPlainId(text)) throw new Problem("NOT_FOUND", "There is no such user.");
  return holderId(text);
}

function resultOf(
  { booking, updatedAt }: Stored,
  message: string = booking.reason ?? `The booking is ${booking.status}.`,
) {
  const { id, userId, showtimeId, holdId, reason, seats, cancelled, payment, createdAt } = booking;
  const { amount, currency } = totalOf(seats);
  return {
    success: true,
    message,
    lockId: holdId,
    booking: {
      id,
      userId,
      showtimeId,
      status: shownStatus(booking),
      reason,
      currency,
      totalAmount: amount,
      refundedAmount: booking.refunded,
      refundingAmount: refundingOf(booking),
      capturedAmount: payment?.captured ?? null,
      capturedAt: payment?.capturedAt ?? null,
      refundedAt: booking.refunds.at(-1)?.doneAt ?? null,
      seats: seats.map(({ seat }) => seat),
      seatLabels: seats.map(({ label }) => label),
      cancelledSeats: cancelled.map(({ seat }) => seat),
      cancelledSeatLabels: cancelled.map(({ label }) => label),
      cancelledAmount: totalOf(cancelled).amount,
      paymentTransactionId: payment?.id ?? null,
      createdAt: new Date(createdAt).toISOString(),
      updatedAt: new Date(updatedAt).toISOString(),
    },
  };
}
