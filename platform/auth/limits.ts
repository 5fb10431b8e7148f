/** Every bound of the token verifier. Times are milliseconds. */
/** How far the clocks of two of our machines may be apart. */
export const CLOCK_TOLERANCE_MS = 5_000;
/** The longest that a setting lets a token live. */
export const TOKEN_LIFE_MAX_MS = 7 * 24 * 60 * 60 * 1000;
/** Verified tokens that are remembered, so that one is not verified again at each request. */
export const VERIFIED_MAX = 20_000;
/** How often a token may make us ask for keys, because we do not know its key's id. */
export const KEYS_ASKED_EVERY_MS = 5_000;
export const ASK_TIMEOUT_MS = 2_000;
/** How soon again, when identity did not answer. */
export const ASK_AGAIN_MS = 500;
/** Topics are at most once: what was missed is found by reading everything now and then. */
export const RELOAD_EVERY_MS = 30_000;
