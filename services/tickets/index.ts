/** Tickets: one for each seat of a confirmed booking, signed, printed, and let in once. */
export { type KeyRingOptions as TicketKeyOptions, rotateTicketKeys } from "./code/key-ring.ts";
export { createTicketsService, type TicketsOptions, type TicketsService } from "./service.ts";
export { TICKETS_SCHEMA, ticketsMigrations } from "./tables.ts";
