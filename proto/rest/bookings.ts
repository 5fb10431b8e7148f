/** Bookings, from the hold to the money back. */
export {};
