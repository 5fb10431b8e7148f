/** Every bound of the payments service, but for the shapes of what gateways send. Times are milliseconds. */

/** For one exchange with a gateway. */
export const GATEWAY_TIMEOUT_MS = 10_000;
/** Characters of an answer that are read; no gateway of ours has so much to say. */
export const ANSWER_LENGTH_MAX = 1_000_000;
/** How long we trust a gateway to remember an idempotency key: Stripe's 24 h, less an hour for requests in flight and clock skew. */
export const KEY_TRUSTED_MS = 23 * 60 * 60_000;
/** A gateway's clock may be behind ours by so much. */
export const CLOCKS_APART_MAX_MS = 5 * 60_000;
/** Whoever asks over the bus is answered by then, from what is known; the work goes on. */
export const ANSWER_WITHIN_MS = 3_000;
/** Longer than one step with a gateway may take: after it, another process takes the payment up. */
export const STEP_LEASE_MS = 2 * GATEWAY_TIMEOUT_MS;

/** How often work that is due is looked for, besides that which is known of. */
export const SWEEP_EVERY_MS = 500;
/** Steps of each method that are carried out at once. */
export const STEPS_AT_ONCE = 16;
/** Steps with a gateway in one go: start, read, capture, then refunds. */
export const STEPS_MAX = 8;
/** Looks that webhooks brought about, besides: a gateway that has been away sends all that it could not tell at once. */
export const LOOKS_BEHIND_MAX = 64;

/** A pending payment is polled after a tenth of its age, within these bounds. */
export const POLL_MIN_MS = 1_000;
export const POLL_MAX_MS = 15_000;
/** A refund that is under way at its gateway is looked at after a tenth of its age, not more seldom than this. */
export const REFUND_POLL_MAX_MS = 60 * 60_000;
/** Reserved money of which nobody says what is to become is told of again after its age, within these bounds. */
export const TOLD_AGAIN_MIN_MS = 60_000;
export const TOLD_AGAIN_MAX_MS = 60 * 60_000;
/** After the n-th failure of a step it is tried again after this, doubled n - 1 times. */
export const RETRY_MS = 500;
export const RETRY_MAX_MS = 30_000;

/** Minor units: PostgreSQL's integer, which is more than any gateway takes. */
export const AMOUNT_MAX = 2_147_483_647;

export const RECONCILE_EVERY_MS = 5 * 60_000;
/** How far back the gateways' lists are compared with ours. */
export const RECONCILE_WINDOW_MS = 7 * 24 * 60 * 60_000;
/** So many of our payments are held against a gateway's list at a time. */
export const RECONCILE_ROWS_MAX = 5_000;
/** Pages of a gateway's list; one that goes on longer has no end. */
export const LIST_PAGES_MAX = 50_000;
export const DIFFERENCES_MAX = 1_000;
/** So long after a refund was asked for it may bounce. */
export const SENT_BACK_WITHIN_MS = 30 * 24 * 60 * 60_000;
/** How often refunds are read again for that, of payments that are too old for the lists. */
export const OLD_REFUND_EVERY_MS = 24 * 60 * 60_000;
/** Such payments in one run. */
export const OLD_REFUNDS_AT_ONCE = 100;

/** Longer than any gateway goes on repeating a webhook. */
export const INBOX_KEPT_MS = 30 * 24 * 60 * 60_000;
export const INBOX_PRUNE_EVERY_MS = 5 * 60_000;
/** So many in one go: a delete without an end would hold its locks as long. */
export const INBOX_PRUNE_ROWS_MAX = 10_000;
/** Longer webhooks are refused. The mock gateway's have 200 bytes, and whether they are signed takes JavaScript as long as they are. */
export const WEBHOOK_LENGTH_MAX = { mock: 4 * 1024, stripe: 256 * 1024 } as const;
/** How far a webhook's time may be from ours, either way: Standard Webhooks and Stripe both say five minutes. */
export const WEBHOOK_TOLERANCE_MS = 5 * 60_000;
/** Webhooks of an address in a second: more than a gateway sends, and each costs a look at its signature. */
export const WEBHOOKS_PER_SECOND_MAX = 2_000;
/** Refused webhooks get one line in so long, with their count: whoever sends rubbish must not fill the log as well. */
export const WEBHOOKS_REFUSED_TOLD_EVERY_MS = 1_000;
