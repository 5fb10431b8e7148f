/** Messages that the in-process bus delivers before the event loop gets a turn. */
export const BURST_MAX = 10_000;
/**
 * Between two pings of a NATS server; after `NATS_PINGS_MAX` without an answer the connection counts as broken. They come more often than the
 * `ping_interval` of deploy/nats/nats.conf, so that the server asks only those that are silent.
 */
export const NATS_PING_EVERY_MS = 2_000;
export const NATS_PINGS_MAX = 2;
/** Waited before a NATS server is tried again, plus up to as much by chance. */
export const NATS_RECONNECT_MS = 200;
export const NATS_CONNECT_TIMEOUT_MS = 3_000;
/** The oldest server that has all that is used here: headers on no-responder replies, JetStream's message ids. */
export const NATS_VERSION_MIN = "2.9";
/** The `max_payload` of deploy/nats/nats.conf: what a view of a large hall and a loop turn's commands fit in. */
export const MESSAGE_BYTES_WANTED = 8 * 2 ** 20;
/** Subjects that the log names as refused by the server's permissions; later ones are as those. */
export const REFUSALS_TOLD_MAX = 100;
