/** What requests that wait for a commit in one shard weigh together, as messages are weighed; beyond it the answer is `BUSY`. */
export const MAILBOX_MAX = 16_384;
/** Refusals remembered by a process for all its shards, the seats named by them all together, and for how long: as long as other first answers. */
export const REFUSALS_MAX = { refusals: 131_072, seats: 524_288, ageMs: 10 * 60_000 };
/** Notices per bus message; a commit with more sends several. */
export const NOTICES_PER_MESSAGE_MAX = 2_048;
/** Between two looks for holds that ran out, at the least. */
export const EXPIRY_EVERY_MS = 50;
/** A shard with live holds journals its time this often when nothing else does, so that a restart knows how long it was away. */
export const CLOCK_ROW_EVERY_MS = 1_000;
/** They come at multiples of this, and so somewhat sooner than they must. */
export const CLOCK_ROWS_TOGETHER_MS = 500;
/** Deltas that a shard remembers, and seats changed by them all together. */
export const RECENT_DELTAS_MAX = 256;
export const RECENT_CHANGES_MAX = 4_096;
/** How long PostgreSQL's word that an epoch is the newest is good for answers that write nothing. */
export const PROOF_MS = 1_000;
/** Between two looks for showtimes that are to be archived. */
export const ARCHIVE_EVERY_MS = 3_600_000;
/** Between two looks whether the wall clock has gone away from a shard's. */
export const WALL_CLOCK_EVERY_MS = 10_000;
/** A wall clock that is ahead by more than this at two looks in a row is caught up with. */
export const BEHIND_MAX_MS = 2_000;
/** Where a commit takes longer than this, no hold runs out behind it, and the time beyond is given back. */
export const HELD_UP_MS = 500;
/** Given to every hold after a restart, on top of the time that the shard was away: the rest of the process serves a moment later than it. */
export const RESUME_GRACE_MS = 1_000;
/** What holds are given then is journaled within this, even when no command comes that takes it along. */
export const RESUMED_WITHIN_MS = 100;
/** Waited before a commit whose outcome is unknown is given again: doubles from the first to the last, and for how long at the most. */
export const COMMIT_AGAIN_FIRST_MS = 25;
export const COMMIT_AGAIN_LAST_MS = 200;
export const COMMIT_AGAIN_FOR_MS = 30_000;
/** Commits that fail, or are in doubt, get one line of the log in so long, with how many shards wait for each. */
export const COMMITS_TOLD_EVERY_MS = 1_000;
/** Waited before a shard that could not be recovered tries again: doubles from the first to the last. */
export const RECOVER_AGAIN_FIRST_MS = 25;
export const RECOVER_AGAIN_LAST_MS = 1_000;
/** What a caller is told to wait when a shard is busy or away. */
export const COME_BACK_MS = 250;
