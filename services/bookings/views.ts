/** A booking as others see it. */
import type { Booking as BookingView, PaymentAnswer } from "../../proto/rest/index.ts";
import type { BookingRecord, BookingStatus } from "../../proto/services/index.ts";
import type { Role } from "../../proto/index.ts";
import { type Booking, refundingOf, ticketOf, totalOf } from "./saga/booking.ts";
import type { Stored } from "./store/store.ts";

const isoOf = (at: number): string => new Date(at).toISOString();

/** @param reader.role only an admin is told who of the cinema's people has cancelled it */
export function bookingView({ booking, updatedAt }: Stored, { role }: { readonly role: Role }): BookingView {
  const cancelledBy = (by: string | null) => (role === "admin" && by !== null ? { cancelledBy: by } : {});
  const { id, reason, userId, showtimeId, holdId, seats, cancelled, payment } = booking;
  const total = totalOf(seats);
  return {
    id,
    status: shownStatus(booking),
    reason,
    userId,
    showtimeId,
    holdId,
    seats: seats.map(({ seat }) => seat),
    tickets: seats.map(ticketOf),
    ...cancelledBy(booking.cancelledBy),
    cancelledTickets: cancelled.map((seat) => ({
      ...ticketOf(seat),
      refundId: seat.refundId,
      ...cancelledBy(seat.cancelledBy),
    })),
    total,
    payBy: isoOf(booking.payBy),
    payment: payment && {
      ...paymentView(payment),
      status: moneyStatus(booking),
      method: payment.method,
      ...(payment.captured !== undefined && { captured: { ...total, amount: payment.captured } }),
      ...(payment.capturedAt !== undefined && { capturedAt: payment.capturedAt }),
    },
    refunded: { ...total, amount: booking.refunded },
    refunds: booking.refunds.map(({ id: refundId, amount, doneAt }) => ({
      refundId,
      amount: { ...total, amount },
      doneAt,
    })),
    refunding: { ...total, amount: refundingOf(booking) },
    createdAt: isoOf(booking.createdAt),
    updatedAt: isoOf(updatedAt),
  };
}

export const paymentView = ({ id, state, next }: NonNullable<Booking["payment"]>): PaymentAnswer => ({
  paymentId: id,
  status: state,
  ...(next && { next }),
});

/**
 * A payment that was declined has failed, and so has the booking for all that its buyer knows; while its time lasts another payment
 * may be tried, and the saga waits for one.
 */
export const shownStatus = ({ status, payment }: Booking): BookingStatus =>
  status === "pending" && payment !== null && (payment.state === "failed" || payment.state === "voided")
    ? "failed"
    : status;

/** To `payments` money that went back was captured nevertheless; to the buyer it was refunded. */
function moneyStatus(booking: Booking): NonNullable<BookingView["payment"]>["status"] {
  const { status, payment, refunded } = booking;
  const isBack = status !== "confirmed" && refunded > 0 && refundingOf(booking) === 0;
  return payment?.state === "captured" && isBack ? "refunded" : (payment?.state ?? "pending");
}

/** For the other services. */
export function recordOf({ booking }: Stored): BookingRecord {
  const { id, userId, showtimeId, title, status, reason, seats, createdAt } = booking;
  return {
    bookingId: id,
    userId,
    showtimeId,
    title,
    status,
    reason,
    seats: seats.map(({ seat, label, type, price }) => ({ seat, label, ticketType: type, price })),
    total: totalOf(seats),
    createdAt: isoOf(createdAt),
  };
}
