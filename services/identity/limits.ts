/** Every bound of the identity service. Times are milliseconds, memory KiB. */

/** OWASP's password storage cheat sheet for argon2id: 19 MiB, two passes, one lane. */
export const ARGON2_MEMORY = 19_456;
export const ARGON2_PASSES = 2;
export const ARGON2_LANES = 1;
/** Half of libuv's four threads, so that signing and verifying tokens find one free. */
export const HASHES_AT_ONCE = 2;
/** About four seconds of work; past it the answer is BUSY. */
export const HASHES_WAITING_MAX = 256;

/** A reply that was lost may be asked for again, with the same Idempotency-Key, for this long. */
export const REFRESH_REPLAY_MS = 60_000;

/** How often the key file is looked at, so that a rotation by another process is noticed. */
export const KEYS_READ_EVERY_MS = 60_000;

export const PRUNE_EVERY_MS = 10 * 60 * 1000;
export const PRUNE_ROWS_MAX = 10_000;
/** Signed-out and expired sign-ins are kept this long for whoever asks what happened. */
export const FAMILIES_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
