/** Seats on their way to a buyer: holds over REST. */
export { type BookingsOptions, type BookingsService, createBookingsService } from "./service.ts";
