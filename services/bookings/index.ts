/** Seats on their way to a buyer: holds and bookings, over REST and GraphQL. */
export { type BookingsService, createBookingsService } from "./service.ts";
export { bookingsMigrations } from "./store/migrations.ts";
export { BOOKINGS_SCHEMA } from "./store/tables.ts";
