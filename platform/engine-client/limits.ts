/**
 * Waited before a request is sent again, in milliseconds: an eighth of the time that it has taken so far, within these. A shard on its way from one
 * engine to another is found at once, and one that a dead engine left is not asked for all the time.
 */
export const RETRY_AFTER_FIRST_MS = 10;
export const RETRY_AFTER_LAST_MS = 100;
/** What a refused caller is told to wait, in milliseconds. */
export const COME_BACK_MS = 500;
