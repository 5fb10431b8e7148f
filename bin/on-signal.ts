/** Calls `end` at the first SIGINT and the first SIGTERM; another one of the same kind ends the process as it is. */
export const onSignal = (end: () => void): void => void process.once("SIGINT", end).once("SIGTERM", end);
