/**
 * Waited before a request is sent again, in milliseconds: an eighth of the time that it has taken so far, within these. A shard on its way from one
 * engine to another is found at once, and one that a dead engine left is not asked for all the time.
 */
export const RETRY_AFTER_FIRST_MS = 10;
export const RETRY_AFTER_LAST_MS = 100;
/**
 * Of one bus message: what a loop turn has more goes in further messages, in order. Be each request as long as a client's message may be, and
 * each view one of the largest hall, question and answer are less than the megabyte that NATS takes when it is not told to take more.
 */
export const REQUESTS_PER_MESSAGE_MAX = 240;
/** A view counts as so many requests. */
export const VIEW_WEIGHT = 24;
/** What a refused caller is told to wait, in milliseconds. */
export const COME_BACK_MS = 500;
