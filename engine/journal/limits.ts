/**
 * How many rows one read fetches: as many as came to so many bytes before, and at most twice as many as the last. So the small rows of a
 * quiet sale take few round trips, and little comes at once of a busy one's.
 */
export const ROWS_FIRST_READ = 256;
export const ROWS_PER_READ_MIN = 64;
export const READ_AT_MOST = { rows: 4_096, bytes: 1024 * 1024 };
/** The same for who is in no hurry: about two milliseconds' work. */
export const READ_GENTLY = { rows: 256, bytes: 128 * 1024 };
/** A snapshot is read in rows of so many bytes: about a millisecond's work each. */
export const SNAPSHOT_BYTES_A_ROW = 256 * 1024;
/** Rows stay at least this long for `usher journal`, also when snapshots cover them. */
export const JOURNAL_RETENTION_MS = 30 * 24 * 3600 * 1000;
/** Rows whose time is over are deleted in short statements of so many. */
export const ROWS_DELETED_AT_ONCE = 4_096;
/** Snapshots kept a shard: the newest, and one more in case the newest does not read. */
export const SNAPSHOTS_KEPT = 2;
/** A commit that takes longer is taken for lost: its outcome is unknown. */
export const COMMIT_TIMEOUT_MS = 5_000;
/** PostgreSQL may be silent for so long about a claim, a read or a snapshot; after that another connection is tried. */
export const ANSWER_WITHIN_MS = 20_000;
/** Connections for claims, recovery and snapshots. */
export const POOL_MAX = 8;
/** The question for the epochs, asked several times a second, is asked again on another connection after this. */
export const EPOCHS_TIMEOUT_MS = 1_000;
