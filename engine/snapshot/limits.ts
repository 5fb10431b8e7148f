/**
 * A snapshot is taken when this much was journaled since the last one: half a million holds and releases, or rows of one each, which the
 * next owner reads in less than a second. Each costs as much as to read them, mostly for the answers that it remembers ...
 */
export const AFTER_BYTES = 32 * 1024 * 1024;
export const AFTER_ROWS = 40_000;
/** ... or, at one of the looks, when there is more to read than a snapshot of what is remembered would be ... */
export const AT_A_LOOK_ROWS = 8_000;
/** ... or when the last one is older than this and more was journaled since than is handed over without one ... */
export const AFTER_MS = 10 * 60_000;
/**
 * ... or when it is older than this and anything was journaled. It is written whole, however little that was, and clocks alone journal a row a
 * second: so of a quiet shard it comes only so often that rows which are old enough can be deleted.
 */
export const QUIET_AFTER_MS = 6 * 3_600_000;
export const LOOK_EVERY_MS = 60_000;
/** What is handed over without one: the next owner reads it in a tenth of a second, and a snapshot of a long sale takes longer. */
export const HANDED_OVER_BYTES = 1024 * 1024;

/** Work that nobody waits for goes on for this long at a stretch, see `halfTime`. */
export const STRETCH_MS = 1;
/** The longest pause between two stretches: one that took long because the process stood still, or PostgreSQL was slow, earns none as long. */
export const PAUSE_MAX_MS = 50;
