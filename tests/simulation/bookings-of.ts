import type { ShowtimeState } from "../../engine/core/index.ts";
import { type BookingId, SEAT_STATUS } from "../../proto/index.ts";

/** The booking of each seat that is booked, in the order of seats. */
export function bookingsOf(state: ShowtimeState): ReadonlyMap<number, BookingId | undefined> {
  const bookings = new Map<number, BookingId | undefined>();
  state.status.forEach((status, seat) => {
    if (status === SEAT_STATUS.booked) bookings.set(seat, state.bookingNumbers.get(state.owner[seat] ?? 0)?.id);
  });
  return bookings;
}
