/** Every bound of the catalogue. Times are milliseconds, sizes bytes. */

/** How long an answer to a reader may be behind the database. */
export const CACHE_TTL_MS = 5_000;
export const CACHE_ENTRIES_MAX = 2_000;

/** Layouts never change once written, so only their room is bounded: an arena's is about 3 MB, and a tenth of that compressed. */
export const LAYOUT_CACHE_BYTES = 64 * 1024 * 1024;
export const LAYOUT_CACHE_TTL_MS = 60 * 60 * 1000;

/** For browsers and proxies, in seconds. */
export const LAYOUT_MAX_AGE_S = 300;
export const POSTER_MAX_AGE_S = 86_400;

/** Showtimes that are opened in the engine at once. */
export const OPENINGS_AT_ONCE = 8;
/** How often the database is asked for showtimes that nobody has opened yet. */
export const OPEN_SWEEP_EVERY_MS = 15_000;
/** The first wait after a refusal that may pass; it doubles up to the sweep's. */
export const OPEN_RETRY_AFTER_MS = 250;
