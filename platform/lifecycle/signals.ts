import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import type { Lifecycle } from "./lifecycle.ts";

const SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;
type Signal = (typeof SIGNALS)[number];

/** What of Node's `process` is needed here. */
interface SignalledProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  on(signal: Signal, listener: (signal: Signal) => void): unknown;
  off(signal: Signal, listener: (signal: Signal) => void): unknown;
  exit(code: number): void;
}

/** As shells report a process that a signal ended: 128 + its number. */
const EXIT_CODES: Readonly<Record<Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm, which got it too; on a busy machine it does so late. */
const ECHO_MS = 200;
const LATE_ECHO_MS = 5_000;

/**
 * SIGTERM, Ctrl-C or the end of the terminal stops everything and exits, 0 if all was clean; another of them exits at once.
 * While parts are still starting they are waited for first, see `Lifecycle`.
 */
export function stopOnSignals(options: {
  process: SignalledProcess;
  lifecycle: Lifecycle;
  clock: Clock;
  log: Logger;
}): void {
  const { process, lifecycle, clock, log } = options;
  onFirstSignal(process, clock, (signal) => {
    log.info({ signal }, "stopping; once more to end at once");
    void lifecycle.stop().then((clean) => process.exit(clean ? 0 : 1));
  });
}

/**
 * Calls `stop` at the first of those signals; another of them, that is no echo of it, exits at once.
 * @returns what makes it listen no more
 */
export function onFirstSignal(process: SignalledProcess, clock: Clock, stop: (signal: Signal) => void): () => void {
  let askedAt: number | undefined;
  let mayEcho = false;
  const onSignal = (signal: Signal): void => {
    if (askedAt !== undefined) {
      const echoMs = mayEcho ? LATE_ECHO_MS : ECHO_MS;
      mayEcho = false;
      if (clock.monotonic() - askedAt >= echoMs) process.exit(EXIT_CODES[signal]);
      return;
    }
    askedAt = clock.monotonic();
    mayEcho = process.env["npm_lifecycle_event"] !== undefined;
    stop(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** The same signals exit at once, and so in the way in which those who listen for `exit` hear of it; unheard, they would not. */
export function exitOnSignals(process: SignalledProcess): void {
  for (const each of SIGNALS) process.on(each, (signal) => process.exit(EXIT_CODES[signal]));
}
