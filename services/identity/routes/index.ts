import type { Routes } from "../../../platform/http/index.ts";
import { accountRoutes } from "./accounts.ts";
import { deviceRoutes } from "./devices.ts";
import type { IdentityParts } from "./parts.ts";
import { sessionRoutes } from "./sessions.ts";
import { userRoutes } from "./users.ts";

export { keySetRoute } from "./key-set.ts";

export const identityRoutes =
  (parts: IdentityParts): Routes =>
  async (app, options) => {
    // Nothing that holds a token may be kept by a cache on the way (RFC 6749, 5.1).
    app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    for (const routes of [sessionRoutes, accountRoutes, userRoutes, deviceRoutes]) await routes(parts)(app, options);
  };
