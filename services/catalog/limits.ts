/** Every bound of the catalogue. Times are milliseconds, sizes bytes. */

/** How long an answer to a reader may be behind the database, should no word of a change have come. */
export const CACHE_TTL_MS = 5_000;
/** How often services look whether word of a change was lost. */
export const CHANGE_LOOK_EVERY_MS = 1_000;
export const CACHE_ENTRIES_MAX = 2_000;
/** For each kind of page: whoever asks may ask for as many pages as there are cursors. */
export const PAGE_CACHE_BYTES = 32 * 1024 * 1024;
/** What one takes besides its content and its question. */
export const PAGE_ENTRY_BYTES = 2_048;

/** Plans and layouts never change once written, so only their room is bounded: an arena's is about 3 MB, and a tenth of that compressed. */
export const LAYOUT_CACHE_BYTES = 64 * 1024 * 1024;
export const LAYOUT_CACHE_TTL_MS = 60 * 60 * 1000;

/** For browsers and proxies, in seconds. What an admin may change is asked for again each time, and costs a 304. */
export const LAYOUT_MAX_AGE_S = 60;
export const POSTER_MAX_AGE_S = 86_400;

/** How much of a search a title must have, from 0 to 1: "metroplis" has 0.8 of Metropolis, "genarel" 0.38 of The General. */
export const TITLE_LIKENESS_MIN = 0.37;
/** Folded text that is kept: an index of PostgreSQL takes 2,704 bytes. */
export const FOLDED_LENGTH_MAX = 500;

/** A hall as the layout editor sends it: 20,000 drawn seats are about 2 MB. */
export const HALL_BODY_LIMIT = 4 * 1024 * 1024;
export const CLEANING_MINUTES_DEFAULT = 15;

/** How long before the start a buyer may give tickets back, where the showtime does not say. */
export const CANCEL_UNTIL_BEFORE_MS = 2 * 60 * 60 * 1000;
export const SHOWTIME_LENGTH_MAX_MS = 24 * 60 * 60 * 1000;
/** A showtime further ahead is a slip of the pen. */
export const SHOWTIME_AHEAD_MAX_MS = 10 * 366 * 24 * 60 * 60 * 1000;

/** A change that PostgreSQL breaks off because two waited for each other is made again: the other is over then. */
export const CHANGE_ATTEMPTS_MAX = 3;

/** Showtimes that the engine is told of at once. */
export const TELLING_AT_ONCE = 8;
/** How often the database is asked for showtimes that the engine has not been told of. */
export const TELL_SWEEP_EVERY_MS = 15_000;
/** How often the database is asked for halls whose change was broken off, and whose seats may be blocked. */
export const SETTLE_SWEEP_EVERY_MS = 15_000;
/** The first wait after a refusal that may pass; it doubles up to the sweep's. */
export const TELL_RETRY_AFTER_MS = 250;
/** Changes of one showtime that may come in between while the engine is told of one. */
export const TELL_ATTEMPTS_MAX = 5;
/** How long bookings may take to say whether a showtime that is to go was ever booked. */
export const BOOKINGS_ASKED_WITHIN_MS = 5_000;

/** How often the demo makes the programme of days to come. */
export const DEMO_REFRESH_EVERY_MS = 24 * 60 * 60 * 1000;
