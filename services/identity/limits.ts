/** Every bound of the identity service. Times are milliseconds, memory KiB. */

/** OWASP's password storage cheat sheet for argon2id: 19 MiB, two passes, one lane. */
export const ARGON2_MEMORY = 19_456;
export const ARGON2_PASSES = 2;
export const ARGON2_LANES = 1;
/** Half of libuv's four threads, so that signing and verifying tokens find one free. */
export const HASHES_AT_ONCE = 2;
/** About four seconds of work; past it the answer is BUSY. */
export const HASHES_WAITING_MAX = 256;

/** Registrations come before hashes in a queue of their own, so that a login meets no more than these there. */
export const REGISTRATIONS_AT_ONCE = 2;
export const REGISTRATIONS_WAITING_MAX = 256;
/** Registrations of an address in a minute: a third of what can be hashed. */
export const REGISTRATIONS_OF_ADDRESS = { max: 2_000, windowMs: 60_000 } as const;

/** Twice the hashes, so that one login's password is hashed while another's rows are read and written. */
export const LOGINS_AT_ONCE = 2 * HASHES_AT_ONCE;
export const LOGINS_WAITING_MAX = 256;
/** Logins of one network among those: enough that it alone keeps all of them busy, and so few that others come soon. */
export const LOGINS_OF_NETWORK_AT_ONCE = 2 * LOGINS_AT_ONCE;
/** Behind those, before they take a place among all. */
export const LOGINS_OF_NETWORK_WAITING_MAX = 256;
/** Logins of an address in a minute, and as many changes of accounts: more than hashing lets through, so that a crowd behind one router does not notice. */
export const LOGINS_OF_ADDRESS = { max: 15_000, windowMs: 60_000 } as const;
/** Sign-ins that a user has at most, ended ones among them, since a right password may come as often as it likes. When the access tokens of all are still good, the next login is refused. */
export const FAMILIES_OF_USER_MAX = 10_000;
/** The same of a device, which has one at a time that it uses: a new secret ends all of them at once, and every process has to hear of each. */
export const FAMILIES_OF_DEVICE_MAX = 1_000;
/** Sign-ins of devices of an address in a minute: all those of a chain, when its power comes back. */
export const DEVICES_OF_ADDRESS = { max: 10_000, windowMs: 60_000 } as const;

/** Wrong passwords before the first wait: for one account from one address, for an account, and for an address. */
export const WRONG_PASSWORDS_FREE = { pair: 5, account: 20, address: 100 } as const;
/** The wait doubles with each further wrong password, up to a minute: no guesser's friend, and nobody's lock. */
export const WRONG_PASSWORD_WAIT_MIN_MS = 1_000;
export const WRONG_PASSWORD_WAIT_MAX_MS = 60_000;
/** After so long without a further one, wrong passwords are forgotten. */
export const WRONG_PASSWORDS_KEPT_MS = 15 * 60 * 1000;

/** Sign-outs of an address in a minute, and as many changes of passwords and deletions of accounts: every process remembers each until its tokens have run out. */
export const LOGOUTS_OF_ADDRESS = { max: 1_000, windowMs: 60_000 } as const;

/** A reply that was lost may be asked for again, with the same Idempotency-Key, for this long. */
export const REFRESH_REPLAY_MS = 60_000;
/** An access token is signed this much later, at most, than its family's row was written. */
export const TOKEN_SIGNED_WITHIN_MS = 60_000;

/** How often the key file is looked at, so that a rotation by another process is noticed. */
export const KEYS_READ_EVERY_MS = 10_000;
/** Shown at once, a new key signs only when every process has read it, so that whichever is asked for the keys names it. */
export const KEY_SIGNS_AFTER_MS = 2 * KEYS_READ_EVERY_MS;
/** How long caches may keep the keys that are shown: whoever asked just before a new one was read asks again before it signs. */
export const KEYS_SHOWN_KEPT_MS = KEY_SIGNS_AFTER_MS - KEYS_READ_EVERY_MS;
/** A process finds at its next reading that a key's successor signs: so long the older one may go on signing. */
export const KEY_RETIRES_WITHIN_MS = KEY_SIGNS_AFTER_MS + KEYS_READ_EVERY_MS;

export const PRUNE_EVERY_MS = 60_000;
export const PRUNE_ROWS_MAX = 10_000;
/** Signed-out and expired sign-ins are kept this long for whoever asks what happened. */
export const FAMILIES_KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** Guests of an address in a minute, who may be a crowd behind one router. Each is about a kilobyte on PostgreSQL's disk until it is forgotten. */
export const GUESTS_OF_ADDRESS = { max: 10_000, windowMs: 60_000 } as const;
/** Those who booked nothing are kept so long after their token's end, for bookings that were under way then. */
export const GUESTS_KEPT_MS = 60 * 60_000;
/** How often they are looked for, how many are asked after at once until none is left, and how long bookings may take to answer. */
export const GUESTS_PRUNE_EVERY_MS = 10 * 60_000;
export const GUESTS_ASKED_MAX = 1_000;
export const GUESTS_ASKED_WITHIN_MS = 5_000;
