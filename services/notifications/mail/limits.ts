/** Every bound of mails. Times are milliseconds. */

/** How long another service may take to answer. Printing tickets takes a moment. */
export const PEER_TIMEOUT_MS = 10_000;

/** Mails that one process has under way at once. */
export const MAILS_AT_ONCE = 4;
/** Mails of a process to one address about what was not paid: anybody may cause them, and nobody has confirmed that the address is theirs. */
export const UNPAID_MAILS_OF_ADDRESS = { max: 5, windowMs: 3_600_000 } as const;
/** Addresses that are counted; past it the one that was longest unseen is forgotten. */
export const COUNTED_ADDRESSES_MAX = 100_000;
/** How often the queue is looked at when nobody nudges. */
export const MAIL_POLL_MS = 1_000;

/** For one mail to be handed over, all in all; the server may be slow, not endless. */
export const SEND_DEADLINE_MS = 120_000;
/** For a connection to come up, for the server's greeting, for a name to be resolved. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** For the server to say anything. */
export const SOCKET_TIMEOUT_MS = 30_000;
/** Whoever took a mail from the queue and has not reported by then is dead. Longer than composing and sending can take. */
export const MAIL_LEASE_MS = 300_000;
/** What mails under way have at a stop; those that need longer are sent again by the next process. */
export const STOP_WAIT_MS = 5_000;

/** The wait after a mail was put off for the first time; it doubles up to the longest. */
export const RETRY_FIRST_MS = 5_000;
export const RETRY_MAX_MS = 15 * 60_000;
/** The same for a server that cannot be reached at all, during which no other mail is tried. */
export const UNREACHABLE_FIRST_MS = 1_000;
export const UNREACHABLE_MAX_MS = 60_000;
/** From then on a mail is a dead letter: it stays in the table, and is sent when somebody asks for it. */
export const GIVE_UP_AFTER_MS = 3 * 24 * 3_600_000;

/** How long what has become of a mail is kept. */
export const MAILS_KEPT_MS = 30 * 24 * 3_600_000;
export const PRUNE_EVERY_MS = 3_600_000;
export const PRUNE_ROWS_MAX = 5_000;
/** Mails as files that the table is asked for in one statement. */
export const FILES_LOOKED_UP_AT_ONCE = 1_000;
/** Mails of a user whose files are deleted at once when the user is; those of more at the next prune. */
export const FORGOTTEN_FILES_MAX = 5_000;

/** Characters of an error that are kept. */
export const ERROR_LENGTH_MAX = 500;
/** Characters of a name or title in a mail; what is longer ends in an ellipsis. */
export const WORDS_LENGTH_MAX = 200;
