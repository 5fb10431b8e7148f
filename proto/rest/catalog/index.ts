/** What is shown, where and when: a file a noun. */
export { AnyIdParams } from "./parts.ts";
export * from "./movies.ts";
export * from "./cinemas.ts";
export * from "./halls.ts";
export * from "./showtimes.ts";
