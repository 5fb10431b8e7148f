export { limitRequests } from "./limit-requests.ts";
export { limitShares, type Shares } from "./limit-shares.ts";
