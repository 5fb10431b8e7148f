import type { Histogram } from "hdr-histogram-js";
import { mergeHistograms } from "../load/recorder.ts";
import { type LatencyResult, type PercentileName, PERCENTILES } from "./results.ts";

/** @param encoded as HdrHistogram encodes it, in base64, microseconds */
export function latencyOf(encoded: string): LatencyResult {
  const histogram = mergeHistograms([encoded]);
  return { histogram: encoded, count: histogram.totalCount, percentiles: percentilesOf(histogram) };
}

/** In milliseconds; NaN where there is nothing to tell them of. */
export function percentilesOf(histogram: Histogram): Record<PercentileName, number> {
  const at = (percentile: number): number =>
    histogram.totalCount === 0 ? Number.NaN : histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    p50: at(PERCENTILES.p50),
    p90: at(PERCENTILES.p90),
    p99: at(PERCENTILES.p99),
    "p99.9": at(PERCENTILES["p99.9"]),
    max: at(PERCENTILES.max),
  };
}
