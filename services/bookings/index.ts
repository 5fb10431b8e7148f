/** Seats on their way to a buyer: for now, holds over REST. */
export { type BookingsOptions, type BookingsService, createBookingsService } from "./service.ts";
