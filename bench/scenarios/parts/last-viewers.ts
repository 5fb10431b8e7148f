/** The last viewer of all, where several processes have each told of the last one of its own. */
import { createHistogram, encodeHistogram, microseconds } from "../../load/recorder.ts";
import type { Arrivals } from "../../load/viewer-load.ts";

/** Whoever waits longer for a change is late. */
const LATE_AFTER_MS = 1_000;

interface LastViewers {
  readonly histogram: string;
  /** Changes that somebody had not got when they were `LATE_AFTER_MS` old. */
  readonly late: number;
  /** Changes that never did. */
  readonly missed: number;
}

/** The last viewers of the changes that every process has measured. */
export function lastViewersOf(arrivals: readonly Arrivals[]): LastViewers {
  const first = Math.max(...arrivals.map((one) => one.first));
  const end = Math.min(...arrivals.map(({ first: own, ms }) => own + ms.length));
  const histogram = createHistogram();
  let late = 0;
  for (let change = first; change < end; change++) {
    const took = Math.max(...arrivals.map(({ first: own, ms }) => ms[change - own] ?? 0));
    histogram.recordValue(microseconds(took));
    if (took > LATE_AFTER_MS) late++;
  }
  const missed = new Set(arrivals.flatMap((one) => one.missed).filter((change) => change >= first && change < end));
  return { histogram: encodeHistogram(histogram), late, missed: missed.size };
}
