/** REST schemas, a file for each domain. They need TypeBox at run time, hence a door of their own. */
export { closed } from "../closed.ts";
export * from "./common.ts";
export * from "./problem.ts";
export * from "./catalog/index.ts";
export * from "./holds.ts";
export * from "./identity.ts";
export * from "./bookings.ts";
export * from "./payments.ts";
export * from "./tickets.ts";
export * from "./webhooks.ts";
