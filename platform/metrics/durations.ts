import type { Metric, Registry } from "prom-client";
import { DURATION_BUCKETS } from "./metrics.ts";

const BOUNDS_MS = DURATION_BUCKETS.map((seconds) => seconds * 1_000);

/** Durations counted on the hot path: one more of them makes no object, and whoever scrapes finds a histogram. */
export class Durations {
  /** How many fell into each bucket; the last has no end. */
  readonly #counts: number[] = Array.from({ length: BOUNDS_MS.length + 1 }, () => 0);
  #sumMs = 0;

  add(ms: number): void {
    let bucket = 0;
    while (ms > (BOUNDS_MS[bucket] ?? Infinity)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += ms;
  }

  /** As Prometheus has it: each bucket with all below it, in seconds. */
  samplesOf(name: string, labels: Readonly<Record<string, string>>) {
    let count = 0;
    const buckets = this.#counts.map((more, bucket) => {
      count += more;
      const le = DURATION_BUCKETS[bucket] ?? "+Inf";
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sumMs / 1_000 },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}

interface SampledDurations {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  readonly series: readonly { readonly labels: Readonly<Record<string, string>>; readonly durations: Durations }[];
}

/** The histogram of durations that are counted apart, read when somebody scrapes. */
export function sampledDurations({ registry, name, help, series }: SampledDurations): void {
  const get = async () => ({
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    values: series.flatMap(({ labels, durations }) => durations.samplesOf(name, labels)),
  });
  // The cast: of a metric, a registry uses these two, but its declarations want one of prom-client's classes, whose histogram counts by itself.
  registry.registerMetric({ name, get } as unknown as Metric);
}
