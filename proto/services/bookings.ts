/** What `bookings` answers the other services. */
import type { BookingStatus } from "../booking-status.ts";
import type { Money } from "../money.ts";
import { type Endpoint, plainCodec } from "../subject.ts";
import type { TicketType } from "./catalog.ts";

export { BOOKING_STATUSES, type BookingStatus } from "../booking-status.ts";

export interface BookingRecord {
  readonly bookingId: string;
  readonly userId: string;
  readonly showtimeId: string;
  /** The movie's, as it was when it was booked: the catalogue may have another by now. */
  readonly title: string;
  readonly status: BookingStatus;
  readonly reason: string | null;
  /** Those it has now; cancelled ones are gone, but of a booking that is over those that it had last. */
  readonly seats: readonly {
    readonly seat: number;
    readonly label: string;
    readonly ticketType: TicketType;
    readonly price: Money;
  }[];
  readonly total: Money;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** @param fence true: whoever has read the booking before, and is about to change it, has to read it again */
export const BOOKING: Endpoint<{ readonly bookingId: string; readonly fence?: boolean }, BookingRecord | null> = {
  name: "bookings.booking",
  question: plainCodec(),
  answer: plainCodec(),
};

/** Whether anybody has ever booked of this showtime, and be it that nothing came of it. */
export const WAS_BOOKED: Endpoint<{ readonly showtimeId: string }, { readonly booked: boolean }> = {
  name: "bookings.was-booked",
  question: plainCodec(),
  answer: plainCodec(),
};

/** Which of these users have ever booked. */
export const BOOKERS: Endpoint<{ readonly userIds: readonly string[] }, { readonly booked: readonly string[] }> = {
  name: "bookings.bookers",
  question: plainCodec(),
  answer: plainCodec(),
};
