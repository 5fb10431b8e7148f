/** What the services ask of each other over the bus. */
export * from "./answer.ts";
export * from "./bookings.ts";
export * from "./catalog.ts";
export * from "./events.ts";
export * from "./identity.ts";
export * from "./payments.ts";
export * from "./tickets.ts";
export * from "./notifications.ts";
