/** Between two beats of a member. */
export const BEAT_EVERY_MS = 200;
/** Between two looks for members that have fallen silent. */
export const LOOK_EVERY_MS = 50;
/** A beat of its own that an engine hears later than this says nothing: what others have said since may still wait to be read. */
export const ECHO_WITHIN_MS = 500;
/** A member that was silent for this long counts as gone. */
export const MEMBER_TTL_MS = 1_000;
/** One that was silent for this long, longer than a beat, is gone already if PostgreSQL says that its connection has ended. */
export const MISSED_AFTER_MS = 300;
/** An engine that PostgreSQL has said nothing to for this long gives up what it has. Longer than a restart of PostgreSQL takes, as a rule. */
export const CUT_OFF_MS = 1_500;
/** A shard is handed to a member only when that has been there for this long: one that comes and goes moves nothing. */
export const SETTLED_MS = 1_000;
/** A member that should give a shard away is overruled when no shard was on its way anywhere for this long. PostgreSQL makes sure that it cannot write then. */
export const PATIENCE_MS = 10_000;
/** The wait before a shard that another engine took from us is claimed back. It doubles each time, from the first to the last. */
export const RECLAIM_AFTER_FIRST_MS = 3_000;
export const RECLAIM_AFTER_LAST_MS = 60_000;
/** Shards of a dead engine that are read at once: the first of them are served while the last are still to be read. */
export const CLAIMED_TOGETHER = 8;
/** Waited before a shard that could not be recovered is tried again. */
export const RETRY_AFTER_MS = 500;
/** Between two renewals of an engine's row in PostgreSQL. */
export const RENEW_EVERY_MS = 1_000;
/** An engine whose connection broke takes the lock of its name again: so often at the most, and so long apart. */
export const NAME_TRIES = 20;
export const NAME_AGAIN_MS = 10;
/** How long a new engine listens before it takes part: longer than a beat's life, and than two renewals. */
export const STRANGERS_AFTER_MS = 2_200;
/** Shards that are handed over in one group, see `Turns`: a few seconds' work, and as many states that the next owners keep. */
export const GIVEN_TOGETHER = 16;
/** How long the next owner has to report that it has read a shard; after that it gets the shard anyway. */
export const PREPARED_WITHIN_MS = 1_500;
/** After this a shard is handed again to an engine that could not read it: what stood in the way may be mended. Another gets it at once. */
export const UNREADABLE_FOR_MS = 30_000;
/** A shard that was handed over and of which nothing was heard for this long is waited for no more. */
export const TAKEN_WITHIN_MS = 1_000;
/** After this an engine that leaves gives its shards away without snapshots: that is done sooner, but their next owners have more to read. */
export const LEAVE_HURRIES_AFTER_MS = 6_000;
/** How long an engine that leaves waits for others to take what it gives. */
export const LEAVE_TIMEOUT_MS = 12_000;
/** What `usher shards` shows as a rate is measured over this, at least. */
export const RATES_EVERY_MS = 1_000;
