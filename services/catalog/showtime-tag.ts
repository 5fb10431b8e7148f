import type { Showtime } from "../../proto/rest/index.ts";
import { etagOf, namesTag } from "../../platform/http/index.ts";

const stateOf = ({ id, version }: Showtime): string => `${id}.${version}`;

/**
 * Strong, with the version in front. An answer shows more than what is changed with its showtime, a status that goes by the clock and the
 * names of movie, cinema and hall: that is another answer then, and the same version.
 */
export const showtimeTag = (showtime: Showtime, json: string | Uint8Array): string =>
  `"${stateOf(showtime)}.${etagOf(json).slice(1)}`;

/** Whether an `If-Match` names this version, with whatever else its answer showed. */
export const namesShowtime = (ifMatch: string, current: Showtime): boolean =>
  namesTag(ifMatch.replaceAll(/\.[\w-]+"/g, '"'), `"${stateOf(current)}"`);
