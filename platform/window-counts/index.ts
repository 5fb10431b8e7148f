/** How often something happened in a window of time. */
export { OwnCounts, type SharedCounts, type WindowCount } from "./window-counts.ts";
