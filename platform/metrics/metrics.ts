import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";

/** For histograms of durations, in seconds: from a millisecond to the half minute after which a request is given up. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 30];

/**
 * A registry, with what Node tells about the process unless that is not wanted: memory, event loop, garbage. `role` labels every series.
 * Node is watched until the process ends, whatever becomes of the registry: a process that makes many of them wants it once at most.
 */
export function createMetrics(role: string, { ofProcess = true } = {}): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ role });
  if (ofProcess) collectDefaultMetrics({ register: registry });
  return registry;
}

interface Sampled {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  /** Called at each scrape. */
  read(): number;
}

/** A gauge that costs the hot path nothing: the value is read when somebody scrapes. */
export function sampledGauge({ registry, name, help, read }: Sampled): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** The same for a count that only grows. */
export function sampledCounter({ registry, name, help, read }: Sampled): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/**
 * Counts what a process logs that nobody should have to read every day, from its first line on. Whatever goes wrong for long says so there,
 * whether it has a metric of its own or not. @returns to be called for each line
 */
export function logLineCounter(registry: Registry): (level: string) => void {
  const lines = new Counter({
    name: "usher_log_lines_total",
    help: "Lines logged",
    labelNames: ["level"],
    registers: [registry],
  });
  const counted = ["warn", "error", "fatal"];
  for (const level of counted) lines.inc({ level }, 0); // What is first seen at 1 does not grow to it.
  return (level) => {
    if (counted.includes(level)) lines.inc({ level });
  };
}
