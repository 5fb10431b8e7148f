/** Every bound of the tickets service. Times are milliseconds. */

/**
 * A ticket is good from so long before its showtime begins until it ends. Wide, since which showtime is being let in is for the gate
 * to say (`showtimeId` of a check-in): people may come early, and the code may be tried out as soon as it is bought.
 */
export const DOORS_OPEN_BEFORE_MS = 14 * 24 * 3_600_000;

/** What the code has room for. */
export const GENERATION_MAX = 65_535;

/** How long another service may take to answer. */
export const PEER_TIMEOUT_MS = 3_000;

/** Bookings whose tickets are brought up to date at once. */
export const FOLLOWED_AT_ONCE = 8;
/** How often the queue is looked at when nobody nudges. */
export const FOLLOW_POLL_MS = 1_000;
/** Whoever took a booking from the queue and has not finished by then is dead. */
export const FOLLOW_LEASE_MS = 8_000;
/** The wait after the first failure; it doubles up to the longest. Nothing is ever given up. */
export const FOLLOW_BACK_OFF_FIRST_MS = 250;
export const FOLLOW_BACK_OFF_MAX_MS = 60_000;
/** An event may come between asking for a booking and writing its tickets: then both are done again. */
export const FOLLOW_ATTEMPTS_MAX = 5;

/** How often the key file is looked at, so that a rotation by another process is noticed. */
export const KEYS_READ_EVERY_MS = 60_000;
/** A code with an unknown key may come from a newer one: the file is looked at again, at most so often. */
export const KEYS_READ_AGAIN_AFTER_MS = 1_000;
/** Tickets are sold long ahead: so long after its successor a key still verifies. */
export const KEYS_KEPT_MS = 2 * 365 * 24 * 3_600_000;

/** Bookings whose tickets are printed at once, for readers and as many for mails: paper is drawn on the event loop. */
export const PRINTED_AT_ONCE = 2;
/** Some seconds of work; past it the answer is BUSY. */
export const PRINTS_WAITING_MAX = 32;
/** Behind the one that a reader has printed now: a page for each seat of a large booking. */
export const PRINTS_OF_READER_WAITING_MAX = 20;
/** Dots of a hall's plan on paper; of larger halls each n-th seat stands for its neighbours. */
export const PLAN_DOTS_MAX = 3_000;
/** The same for all pages of a file together: it has to fit into a mail, and into a message of the bus. */
export const PLAN_DOTS_IN_ALL_MAX = 24_000;
/** Letters of a line on paper; what is longer ends in an ellipsis. */
export const PRINTED_LENGTH_MAX = 150;
