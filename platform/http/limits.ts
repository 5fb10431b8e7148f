/** Every bound of the HTTP server. Times are milliseconds, sizes bytes. */
export const BODY_LIMIT = 64 * 1024;
/** A larger body is read to its end up to here, so that who sends it hears why it was refused. */
export const BODY_READ_AWAY_MAX = 16 * 1024 * 1024;
export const PARAM_LENGTH_MAX = 128;
export const HEADERS_TIMEOUT_MS = 10_000;
/** For a whole request to arrive. */
export const REQUEST_TIMEOUT_MS = 30_000;
export const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** A connection on which nothing moves for so long, neither its request nor its answer, is closed: longer than a handler may take to begin one. */
export const CONNECTION_TIMEOUT_MS = 120_000;
/** For a handler to answer; past it the answer is UNAVAILABLE, and the work goes on unseen: its answer is for who repeats the request's Idempotency-Key. */
export const HANDLER_TIMEOUT_MS = 30_000;
/** How often handlers are looked over: so much later may one find out. */
export const HANDLER_LOOK_EVERY_MS = 1_000;
/** How often Node looks for requests and heads that have not arrived in time. */
export const ARRIVED_LOOK_EVERY_MS = 5_000;
export const CONNECTIONS_MAX = 10_000;
/** A network's share of those: a crowd behind one router has hundreds. Unfinished bodies are memory as well. */
export const SHARES = { connections: CONNECTIONS_MAX / 2, unfinished: 1_000 } as const;
/** At a stop, past it the port closes, whatever is still under way: behind it the services stop, and could answer nobody. */
export const DRAINED_WITHIN_MS = 10_000;
/** Addresses whose requests are counted; past it the longest unseen is forgotten. */
export const RATE_LIMIT_ADDRESSES_MAX = 20_000;
/** A dependency that takes longer to answer than the first is as it was, until it has not answered for the second. */
export const HEALTH_CHECK_SLOW_MS = 500;
export const HEALTH_CHECK_TIMEOUT_MS = 5_000;
/** How often dependencies are looked at for the metrics: so often that one which is slow once is not down for it. */
export const HEALTH_LOOK_EVERY_MS = 2_000;
/** A balancer asks a server at least this often, else there is none; a server that stops waits no longer until it has asked. */
export const BALANCER_ASKS_WITHIN_MS = 2_000;
/** Who asks a second time has heard the first answer. */
export const BALANCER_TOLD_TIMES = 2;
/** When those may come again for whom no room was left to wait in: what they want takes others seconds. */
export const CROWDED_RETRY_MS = 2_000;
/** When to come again, where a refusal does not say. */
export const RETRY_IN_MS = 1_000;
/** How long, in seconds, a browser need not ask again whether another origin's page may send such a request. */
export const PREFLIGHT_MAX_AGE_S = 600;
/** Requests that failed because something was away get one line in so long, with their count. */
export const AWAY_TOLD_EVERY_MS = 1_000;

export const IDEMPOTENCY_KEY_LENGTH_MAX = 255;
/** The process of a run that has not renewed its lease for so long hangs, or its host is gone. */
export const IDEMPOTENCY_LEASE_MS = 10_000;
/** How often those under way renew theirs, for as long as their handler is at it. */
export const IDEMPOTENCY_RENEW_EVERY_MS = 2_500;
export const IDEMPOTENCY_KEPT_MS = 24 * 60 * 60 * 1000;
export const IDEMPOTENCY_PRUNE_EVERY_MS = 10 * 60 * 1000;
export const IDEMPOTENCY_PRUNE_ROWS_MAX = 10_000;

/** Requests of one loop turn that are read before the first of them is handled: more than that, pipelined, are memory and no gain. */
export const READ_FIRST_MAX = 256;
