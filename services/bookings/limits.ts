/** Every bound of bookings. Times are milliseconds. */

/** How long a worker has a booking to itself, unless it renews that; one that died is followed by another after it. */
export const LEASE_MS = 5_000;
/** How often it is renewed, while a step takes long. */
export const LEASE_RENEWED_EVERY_MS = 1_500;
/** How long another service may take to answer one step. */
export const ANSWER_WITHIN_MS = 5_000;
/** How often the worker looks for bookings whose next step is due. */
export const POLL_EVERY_MS = 500;
/** Bookings that one process takes in hand at once because their time has come; the rest wait in the database. */
export const ADVANCING_MAX = 128;
/** The same for those of which there is news: a payment that was made is taken, whoever else waits for the gateway. */
export const NEWS_MAX = 128;
/** The same for those that are being undone, which have places of their own: a refund that is stuck keeps no payer waiting. */
export const UNDOING_MAX = 64;
/** Between two tries of a step, and between two looks at a payment: doubled from the first to the last. */
export const BACK_OFF_FIRST_MS = 500;
export const BACK_OFF_LAST_MS = 5_000;
/** The same for a payment that was given up, and a refund that was asked for often: only the gateway's last word is missing. */
export const GIVEN_UP_FIRST_MS = 30_000;
export const GIVEN_UP_LAST_MS = 60 * 60_000;
/** A refund is first retried as often as any other step, and for as long as payments cannot be asked; one that takes longer mostly takes days. */
export const REFUND_TRIES_OFTEN = 20;
/** How long a payment that was given up is looked after; gateways let go of a reservation after a week. */
export const GIVEN_UP_KEPT_MS = 7 * 24 * 60 * 60_000;
/** Payments of one booking that may fail: more is somebody who tries out cards. */
export const FAILED_PAYMENTS_MAX = 10;
/** Captures that neither went through nor failed, before the sale is given up. */
export const CAPTURES_MAX = 20;
/** How long a request waits for an outcome before it says that it is under way. */
export const OUTCOME_WAIT_MS = 5_000;
/** Another process may have brought it about: how often the row is looked at meanwhile. */
export const OUTCOME_LOOK_EVERY_MS = 250;
