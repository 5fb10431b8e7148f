/** The last viewer of all, where several processes have each told of the last one of its own. */
import { createHistogram, encodeHistogram, microseconds } from "../../load/recorder.ts";
import type { Arrivals } from "../../load/viewer-load.ts";

interface LastViewers {
  readonly histogram: string;
  /** Changes that had not reached everybody when it was measured. */
  readonly incomplete: number;
  /** Changes that never did. */
  readonly missed: number;
}

/**
 * The last viewers of the changes that every process has measured.
 *
 * @param missed by process: the changes that did not reach all of its viewers, late either
 */
export function lastViewersOf(arrivals: readonly Arrivals[], missed: readonly (readonly number[])[]): LastViewers {
  const first = Math.max(...arrivals.map((one) => one.first));
  const end = Math.min(...arrivals.map(({ first: own, ms }) => own + ms.length));
  const histogram = createHistogram();
  for (let change = first; change < end; change++) {
    histogram.recordValue(microseconds(Math.max(...arrivals.map(({ first: own, ms }) => ms[change - own] ?? 0))));
  }
  const countOf = (changes: readonly (readonly number[])[]): number =>
    new Set(changes.flat().filter((change) => change >= first && change < end)).size;
  return {
    histogram: encodeHistogram(histogram),
    incomplete: countOf(arrivals.map(({ incomplete }) => incomplete)),
    missed: countOf(missed),
  };
}
