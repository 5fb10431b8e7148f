import { SteeredClock, systemClock } from "../../platform/clock/index.ts";
import { type Config, loadConfig } from "../../platform/config/index.ts";
import type { ExplainedError } from "../../platform/explained/index.ts";
import { Lifecycle, Stopping, stopOnSignals } from "../../platform/lifecycle/index.ts";
import { createLogger, type Logger } from "../../platform/log/index.ts";
import { createMetrics, logLineCounter, type Registry, sampledGauge } from "../../platform/metrics/index.ts";
import { explainServerError } from "../../platform/postgres/index.ts";
import type { Context } from "../context.ts";

const STOP_TIMEOUT_MS = 15_000;

/** What every part of a process is made with. */
export interface Role {
  readonly context: Context;
  readonly config: Config;
  readonly clock: SteeredClock;
  readonly log: Logger;
  /** Counts a line of a log that is not `log`: a thread's. */
  readonly onLine: (level: string) => void;
  readonly metrics: Registry;
  readonly lifecycle: Lifecycle;
}

/**
 * Runs one role until a signal ends it: `start` starts its parts one after another, then `ready` is printed. A part that cannot
 * start stops those before it, and the process ends.
 */
export async function runRole(context: Context, name: string, start: (role: Role) => Promise<void>): Promise<void> {
  const begun = performance.now();
  const config = loadConfig(context.env);
  const clock = new SteeredClock(systemClock);
  const metrics = createMetrics(name);
  const onLine = logLineCounter(metrics);
  const log = createLogger({ level: config.logLevel, name: name === "all" ? "usher" : name, onLine });
  const lifecycle = new Lifecycle({ clock, log, stopTimeoutMs: STOP_TIMEOUT_MS });
  try {
    sampledGauge({
      registry: metrics,
      name: "usher_shards",
      read: () => config.shards,
      help: "SHARDS as this process has it: so many are to be served by all engines together.",
    });
    await start({ context, config, clock, log, onLine, metrics, lifecycle });
    context.print("ready");
    log.info({ ms: Math.round(performance.now() - begun) }, "started");
  } catch (error) {
    if (error instanceof Stopping) return; // The signal's handler ends the process.
    await lifecycle.stop();
    throw explainServerError(error) ?? error;
  }
}

/** From here on SIGTERM, Ctrl-C and the end of the terminal stop what was started. Call it after the checks that start nothing. */
export function stopWithSignals({ lifecycle, clock, log }: Role): void {
  process.stdout.on("error", () => undefined); // It may be a terminal that is gone, which hinders nobody from stopping.
  stopOnSignals({ process, lifecycle, clock, log });
}

/** Ends a process that has found what it should not have started with: everything is stopped, and the sentence said as at a start. */
export function endWith({ lifecycle }: Role, error: ExplainedError): void {
  console.error(error.message);
  void lifecycle.stop().then(() => process.exit(1));
}
