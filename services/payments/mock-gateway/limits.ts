/** Every bound of the mock gateway. Times are milliseconds. */

/** How often it looks for decisions and webhooks that are due, besides those it knows of. */
export const SWEEP_EVERY_MS = 500;
export const DECISIONS_AT_ONCE = 100;
export const WEBHOOKS_AT_ONCE = 32;
export const WEBHOOK_TIMEOUT_MS = 5_000;
/** Longer than a delivery may take: after it, another process takes the webhook up. */
export const WEBHOOK_LEASE_MS = 2 * WEBHOOK_TIMEOUT_MS;
/** The wait after the n-th failure is this, doubled n - 1 times. */
export const WEBHOOK_RETRY_MS = 500;
export const WEBHOOK_RETRY_MAX_MS = 5 * 60_000;
/** About a day. */
export const WEBHOOK_ATTEMPTS_MAX = 300;

/** What strangers may do at its port, which is the shop's process where both are one. A connection on which nothing moves for so long is closed. */
export const CONNECTION_BOUNDS = { connectionsMax: 2_000, requestTimeoutMs: 30_000, connectionTimeoutMs: 60_000 };

/** `tok_slow`. */
export const SLOW_MS = 10_000;
/** `tok_late`: so long after the time to pay is over. */
export const LATE_MS = 1_500;
/** What a page or an order may be told at most. */
export const DESCRIPTION_LENGTH_MAX = 500;
export const LIST_LIMIT = 100;
