/** Seats in Redis, decided by Lua scripts. Environment: REDIS_URL, SHOWTIMES, PORT. How durable a hold is, is for that Redis' `appendfsync` to say. */
import { serveWebSockets } from "../front/web-socket-front.ts";
import { RedisStore } from "./redis-store.ts";

await serveWebSockets(new RedisStore(process.env["REDIS_URL"] ?? ""));
