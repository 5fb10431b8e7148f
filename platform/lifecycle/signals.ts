import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import type { Lifecycle } from "./lifecycle.ts";

type Signal = "SIGINT" | "SIGTERM";

/** What of Node's `process` is needed here. */
export interface SignalledProcess {
  on(signal: Signal, listener: (signal: Signal) => void): unknown;
  exit(code: number): void;
}

/** As shells report a process that a signal ended: 128 + its number. */
const EXIT_CODES: Readonly<Record<Signal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm, which got it too. */
const ECHO_MS = 200;

/**
 * SIGTERM or Ctrl-C stops everything and exits, 0 if all was clean; another Ctrl-C or SIGTERM exits at once.
 * While parts are still starting they are waited for first, see `Lifecycle`.
 */
export function stopOnSignals(options: {
  process: SignalledProcess;
  lifecycle: Lifecycle;
  clock: Clock;
  log: Logger;
}): void {
  const { process, lifecycle, clock, log } = options;
  let askedAt: number | undefined;
  const onSignal = (signal: Signal): void => {
    if (askedAt !== undefined) {
      if (clock.monotonic() - askedAt >= ECHO_MS) process.exit(EXIT_CODES[signal]);
      return;
    }
    askedAt = clock.monotonic();
    log.info({ signal }, "stopping; once more to end at once");
    void lifecycle.stop().then((clean) => process.exit(clean ? 0 : 1));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
