export { rateLimitStoreOf } from "./rate-limit-store.ts";
export { OwnCounts, type SharedCounts } from "./window-counts.ts";
