import { createOpsServer, type HealthCheck, listenAt } from "../../../platform/http/index.ts";
import type { Role } from "../role.ts";

/** Health and metrics on HTTP_PORT, for roles that serve nothing else there. @returns the port */
export function startOps(
  { config, clock, log, metrics, lifecycle }: Role,
  checks: readonly HealthCheck[],
): Promise<number> {
  const app = createOpsServer({ clock, log, metrics, checks });
  return lifecycle.start({
    name: "operations port",
    start: () => listenAt(app, { setting: "HTTP_PORT", host: config.host, port: config.httpPort }),
    stop: () => app.close(),
  });
}
