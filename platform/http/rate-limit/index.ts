export { limitRequests } from "./limit-requests.ts";
export { OwnCounts, type SharedCounts } from "./window-counts.ts";
