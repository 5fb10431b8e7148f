/** The oldest server whose scripts may ask for the time and write afterwards, whatever it replicates to. */
export const REDIS_VERSION_MIN = "6.2";
/** What an answer may take before whoever asked goes on without it. */
export const REDIS_ANSWER_TIMEOUT_MS = 150;
/** What connecting, and then each command of the handshake, may take. */
export const REDIS_HANDSHAKE_TIMEOUT_MS = 3_000;
/** Waited before Redis is tried again, plus up to as much by chance. */
export const REDIS_RECONNECT_MS = 500;
/** What a connection that is given up has for a parting; a server that hangs never gives one. */
export const REDIS_DISCONNECT_TIMEOUT_MS = 100;
/** How long a process's word of what it uses may hold at most; one that claims to hold longer is no process's. */
export const USAGE_KEPT_MAX_MS = 60_000;
