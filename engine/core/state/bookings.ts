import { assert } from "./assert.ts";
import type { Booking, ShowtimeState } from "./state.ts";

/** Its seats are booked already. */
export function addBooking(state: ShowtimeState, booking: Booking): void {
  assert(!state.bookings.has(booking.id), "a booking is confirmed once");
  booking.holder.booked += booking.seats.length;
  state.bookings.set(booking.id, booking);
  state.bookingNumbers.set(booking.number, booking);
}

/** The seats were given back. A booking without seats is over, and remembered as cancelled. */
export function dropSeats(state: ShowtimeState, booking: Booking, seats: readonly number[]): void {
  booking.holder.booked -= seats.length;
  booking.seats = booking.seats.filter((seat) => !seats.includes(seat));
  if (booking.seats.length > 0) return;
  state.bookings.delete(booking.id);
  state.bookingNumbers.delete(booking.number);
  state.cancelled.add(booking.id, booking.holder.id);
}
