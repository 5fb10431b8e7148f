/** What a shard answers where the rules of the sale have no say. */
import type { Refusal } from "../../proto/index.ts";
import { COME_BACK_MS } from "./limits.ts";

export const AWAY: Refusal = {
  type: "refused",
  code: "UNAVAILABLE",
  message: "The showtime's engine is recovering; ask again with the same `rid`.",
  retryInMs: COME_BACK_MS,
};
export const BUSY: Refusal = {
  type: "refused",
  code: "BUSY",
  message: "The showtime's queue is full; nothing was done.",
  retryInMs: COME_BACK_MS,
};
export const ELSEWHERE: Refusal = {
  type: "refused",
  code: "CONFLICT",
  message: "The showtime is another shard's: SHARDS must be the same in all processes.",
};
export const UNKNOWN_SHOWTIME: Refusal = {
  type: "refused",
  code: "NOT_FOUND",
  message: "There is no such showtime on sale.",
};
