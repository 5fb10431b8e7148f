export type { Registry } from "prom-client";
export { createMetrics, DURATION_BUCKETS, sampledCounter, sampledGauge } from "./metrics.ts";
