/** Bounds of outgoing webhooks. Times are milliseconds, sizes bytes. */
const HOUR_MS = 3_600_000;

export const WEBHOOKS_MAX = 1_000;

/** For one attempt, from the look-up of the address to the end of the answer. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
/** An attempt that nobody has reported on by then died with its process. */
export const ATTEMPT_LEASE_MS = 3 * ATTEMPT_TIMEOUT_MS;
/** Bytes of an answer that are read. */
export const RESPONSE_BYTES_MAX = 64 * 1024;
/** Characters of an answer that the log keeps. */
export const RESPONSE_EXCERPT_MAX = 1_000;
/** For the look-up of a name when it is registered; one that takes longer is looked up at the first delivery. */
export const REGISTER_LOOKUP_MS = 2_000;

/** After the first failure; each time `RETRY_FACTOR` times as long, up to `RETRY_MAX_MS`, give or take `RETRY_JITTER`. */
export const RETRY_FIRST_MS = 5_000;
export const RETRY_FACTOR = 3;
export const RETRY_MAX_MS = 12 * HOUR_MS;
export const RETRY_JITTER = 0.2;
/** After which a delivery is given up. */
export const GIVE_UP_AFTER_MS = 72 * HOUR_MS;
/** A webhook that failed for so long is disabled: by the last attempt of the delivery that failed first, if by none before. */
export const DISABLE_AFTER_MS = GIVE_UP_AFTER_MS - 60_000;

/** Attempts at once: to one webhook, and of one process. */
export const PER_WEBHOOK_MAX = 4;
export const IN_FLIGHT_MAX = 256;
export const POLL_MS = 1_000;
/** What attempts have at a stop to end. */
export const STOP_MS = 3_000;

/** Rotated secrets go on signing for a day. */
export const PREVIOUS_SECRET_MS = 24 * HOUR_MS;
export const SECRET_BYTES = 32;

/** How long the log of deliveries goes back. */
export const DELIVERIES_KEPT_MS = 30 * 24 * HOUR_MS;
export const PRUNE_EVERY_MS = HOUR_MS;
export const PRUNE_ROWS_MAX = 5_000;
