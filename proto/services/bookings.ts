/** What `bookings` answers the other services. */
import type { Money } from "../money.ts";
import { type Endpoint, plainCodec } from "../subject.ts";
import type { TicketType } from "./catalog.ts";

/**
 * `pending`: seats pinned, not paid. `paying`: a payment is under way. `confirmed`: paid, seats booked. `cancelled`: given back by the buyer,
 * whatever was paid refunded. `refunded`: the sale could not be kept, the money went back. `expired`: not paid in time. `failed`: could not be sold.
 */
export const BOOKING_STATUSES = [
  "pending",
  "paying",
  "confirmed",
  "cancelled",
  "refunded",
  "expired",
  "failed",
] as const;
export type BookingStatus = (typeof BOOKING_STATUSES)[number];

export interface BookingRecord {
  readonly bookingId: string;
  readonly userId: string;
  readonly showtimeId: string;
  readonly status: BookingStatus;
  readonly reason: string | null;
  /** Those it has now; cancelled ones are gone. */
  readonly seats: readonly { readonly seat: number; readonly ticketType: TicketType; readonly price: Money }[];
  readonly total: Money;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

export const BOOKING: Endpoint<{ readonly bookingId: string }, BookingRecord | null> = {
  name: "bookings.booking",
  question: plainCodec(),
  answer: plainCodec(),
};
