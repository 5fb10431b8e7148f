export { RedisChangeMark } from "./redis-change-mark.ts";
export { connectRedis, RedisAway, RedisConnection, RedisUnusable } from "./redis-connection.ts";
export { RedisUsageBoard } from "./redis-usage-board.ts";
export { RedisWindowCounts } from "./redis-window-counts.ts";
