/** Tickets: one for each seat of a confirmed booking, signed, printed, and let in once. */
export { rotateTicketKeys } from "./code/key-ring.ts";
export { createTicketsService, type TicketsService } from "./service.ts";
export { TICKETS_SCHEMA, ticketsMigrations } from "./tables.ts";
