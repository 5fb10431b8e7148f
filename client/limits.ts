/** The bounds of the SDK that `ClientOptions.limits` may set, with their units. */
export interface ClientLimits {
  /** Requests without an answer at one time; past it a request is refused as `BUSY` without being sent. */
  readonly pendingMax: number;
  /** Showtimes watched at one time; servers let one connection watch no more than the default. */
  readonly watchesMax: number;
  /** How long one hold, extension or release is tried, retries and reconnections included. */
  readonly requestTimeoutMs: number;
  /** After this long without its answer, a request is sent again with the same rid. */
  readonly answerTimeoutMs: number;
  /** A source of tokens that has not answered for this long is asked again, and what it still answers to the last time is dropped. */
  readonly tokenTimeoutMs: number;
  /** When an answer is owed and nothing at all is heard for this long, the connection is taken for dead. */
  readonly silenceMs: number;
  /** From opening a socket to its `welcome`. */
  readonly connectTimeoutMs: number;
  /** Full jitter: the n-th wait is random in 0 .. min(backOffMaxMs, backOffBaseMs * 2^n). */
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  /** In place of `backOffBaseMs` after a lost connection, which thousands may have lost at the same moment. */
  readonly reconnectBaseMs: number;
  /** A connection that lived this long sets the back-off to its beginning. */
  readonly steadyMs: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  pendingMax: 1024,
  watchesMax: 16,
  requestTimeoutMs: 15_000,
  answerTimeoutMs: 5_000,
  tokenTimeoutMs: 10_000,
  silenceMs: 10_000,
  connectTimeoutMs: 10_000,
  backOffBaseMs: 500,
  backOffMaxMs: 10_000,
  reconnectBaseMs: 2_000,
  steadyMs: 10_000,
};

/** From a REST request to the end of its answer. A big hall's layout may take long where the network is slow. */
export const REST_TIMEOUT_MS = 30_000;
/** Unreadable messages in a row that end a connection. */
export const GARBAGE_MAX = 10;
/** A token of which the server says this soon after it was accepted that it is about to end is replaced after a growing wait, at the latest when half of its time is over. */
export const SHORT_TOKEN_MS = 1_000;
