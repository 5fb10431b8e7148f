export { Bucket, type Rate, rateOf } from "./bucket.ts";
export { type Meter, Meters } from "./meters.ts";
export { openFilesMax } from "./open-files.ts";
export { SharedMeters, type UsageBoard } from "./shared-meters.ts";
