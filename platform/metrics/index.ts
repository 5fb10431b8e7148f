export type { Registry } from "prom-client";
export { Durations, sampledDurations } from "./durations.ts";
export { inTime, lookedUpGauge } from "./looked-up.ts";
export { createMetrics, DURATION_BUCKETS, logLineCounter, sampledCounter, sampledGauge } from "./metrics.ts";
