import type { Category } from "../../../proto/rest/index.ts";
import { type HallLayout, seatsOf } from "./hall-layout.ts";

/**
 * The answer to `GET /showtimes/:id/layout` but for its beginning: the same for all showtimes of a hall at the same
 * prices, so an arena's three megabytes are written and kept once.
 */
export const layoutTail = (layout: HallLayout, categories: readonly Category[]): Buffer =>
  Buffer.from(`"seats":${JSON.stringify([...seatsOf(layout)])},"categories":${JSON.stringify(categories)}}`);

/** What comes before it. */
export const layoutHead = (showtimeId: string): Buffer => Buffer.from(`{"showtimeId":${JSON.stringify(showtimeId)},`);
