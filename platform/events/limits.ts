/** How often a consumer is given an event before it goes to the consumer's dead letters. */
export const DELIVERIES_MAX = 8;
/** What a consumer that failed is left in peace; doubled each time: 12.7 seconds in all. */
export const BACK_OFF_FIRST_MS = 100;
/** A consumer that takes longer has failed. */
export const HANDLE_TIMEOUT_MS = 30_000;
/** Events that one consumer works on at once; those that wait for their next delivery do not count. */
export const HANDLERS_MAX = 8;
/** Deliveries that the in-process stream has under way; past it, publishing is refused. */
export const DELIVERIES_PENDING_MAX = 20_000;

/** How often replays of dead letters are looked for. */
export const REPLAY_POLL_MS = 1_000;
/** Dead letters that are handed over again at one look. */
export const REPLAYS_MAX = 20;
/** Whoever took a replay and has not reported by then is dead. */
export const REPLAY_LEASE_MS = 2 * HANDLE_TIMEOUT_MS;
/** Characters of an error that are kept. */
export const ERROR_LENGTH_MAX = 2_000;

/** How often an outbox is looked at when nobody nudges. */
export const OUTBOX_POLL_MS = 1_000;
/** The longest wait between attempts while PostgreSQL is away. */
export const OUTBOX_BACK_OFF_MAX_MS = 5_000;
/** Rows read at once. */
export const OUTBOX_READ_MAX = 500;
/** Events that are being published or wait for others of their subject; more are read once there is room. */
export const OUTBOX_IN_HAND_MAX = 1_000;
/** A subject whose event could not be published is left in peace for this long. */
export const OUTBOX_SUBJECT_PAUSE_MS = 1_000;
/** An event waits for one of its subject that was written before it, into another outbox; it is looked at so often, and waits for no longer. */
export const OUTBOX_ORDER_EVERY_MS = 20;
export const OUTBOX_ORDER_WAIT_MS = 30_000;
/** Lines of the log about events that could not be published share one in this time. */
export const OUTBOX_TOLD_EVERY_MS = 1_000;
/** How long a stop waits for events that are being published; what is not done by then the next relay publishes again. */
export const OUTBOX_STOP_MS = 2_000;
/** How often events that a crash of the stream may have taken are looked for. */
export const OUTBOX_REPEAT_EVERY_MS = 15_000;
/** Subjects whose events the stream may refuse at one such look before the rest is left to the next: it may be away, and what is new waits. */
export const OUTBOX_REPEATS_REFUSED_MAX = 3;
/** Published rows stay for a week. */
export const OUTBOX_KEPT_MS = 7 * 24 * 3_600_000;
export const OUTBOX_PRUNE_EVERY_MS = 3_600_000;
export const OUTBOX_PRUNE_ROWS_MAX = 5_000;
/** In one statement, so that a week's rows take no longer than a leader may be silent. */
export const OUTBOX_UNMARK_ROWS_MAX = 5_000;

/** Longer than any outbox row lives, so that whatever comes again is known. */
export const INBOX_KEPT_DAYS = 30;

/** Events of one consumer that a process has taken from JetStream and not finished. */
export const JETSTREAM_TAKEN_MAX = 500;
/** JetStream gives an event out again when nobody has said for this long that it is in work. */
export const JETSTREAM_ACK_WAIT_MS = 15_000;
export const JETSTREAM_WORKING_EVERY_MS = 5_000;
/** The server that leads a consumer says so often that it is there; a request for events dies with it, as two that do not come tell. */
export const JETSTREAM_HEARTBEAT_MS = 1_000;
/** How long a request for events lasts, at least two heartbeats, and how long its answer is waited for: what is asked while there is no leader is lost. */
export const JETSTREAM_ASK_MS = 2_000;
/** Who has had no connection to NATS for so long leads no outbox and no consumer, so that others do who have one. Most reconnections take less. */
export const JETSTREAM_CUT_OFF_MS = 5_000;
/** How often a process writes down how far its consumers have come. */
export const JETSTREAM_POSITIONS_EVERY_MS = 1_000;
/** Between two attempts to lead a consumer. */
export const JETSTREAM_FOLLOW_AGAIN_MS = 1_000;
/** Its servers choose a leader within this, when they are started together. */
export const JETSTREAM_READY_WITHIN_MS = 15_000;
export const JETSTREAM_READY_AGAIN_MS = 200;
/** How long a cluster has to show enough servers for three replicas; after that the stream is made with one. */
export const JETSTREAM_PEERS_WITHIN_MS = 10_000;
/** JetStream syncs to disk every two minutes; after this an event is published once more, in case a crash took it. */
export const JETSTREAM_REPEAT_AFTER_MS = 4 * 60_000;
/** How long JetStream knows message ids: well beyond that. */
export const JETSTREAM_DUPLICATES_KNOWN_MS = 15 * 60_000;

/** What the stream keeps, in bytes, less than the `max_file_store` of deploy/nats/nats.conf: a week of two million bookings. Halved for smaller stores. */
export const JETSTREAM_BYTES_MAX = 8 * 1024 ** 3;
export const JETSTREAM_BYTES_MIN = 64 * 1024;

/** How often a process looks whether its event stream is still the one that it has marked. */
export const STREAM_LOOK_EVERY_MS = 1_000;
/** What others have to notice that the stream was made anew, before one that starts takes them for another cluster's. */
export const STREAM_SETTLED_MS = 6_000;
