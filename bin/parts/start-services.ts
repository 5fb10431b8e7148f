import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Pool } from "pg";
import { BusTokenVerifier } from "../../platform/auth/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import { DeadLetters, InProcessEventStream } from "../../platform/events/index.ts";
import type { EngineClient } from "../../platform/engine-client/index.ts";
import type { Lifecycle } from "../../platform/lifecycle/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import type { Registry } from "../../platform/metrics/index.ts";
import { systemRandom } from "../../platform/random/index.ts";
import { createBookingsService } from "../../services/bookings/index.ts";
import { createCatalogService } from "../../services/catalog/index.ts";
import { createHttpServer, type HealthCheck, IdempotencyStore } from "../../services/http/index.ts";
import { createIdentityService, type IdentityService } from "../../services/identity/index.ts";

interface Options {
  readonly config: Config;
  readonly version: string;
  readonly pool: Pool;
  readonly bus: Bus;
  readonly engine: EngineClient;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly lifecycle: Lifecycle;
  readonly dist: URL;
  readonly checks: readonly HealthCheck[];
  webSocketPort(): number;
}

export interface RunningServices {
  readonly verifier: BusTokenVerifier;
  readonly httpPort: number;
  /** Made at the first start of all. */
  readonly firstAdmin: Awaited<ReturnType<IdentityService["start"]>>;
}

export async function startServices(options: Options): Promise<RunningServices> {
  const { config, pool, bus, engine, log, metrics, lifecycle } = options;
  const clock = systemClock;
  const random = systemRandom;
  const stream = new InProcessEventStream({ clock, log, deadLetters: new DeadLetters({ pool, clock }) });
  const identity = createIdentityService({ pool, bus, stream, clock, random, log, config });
  const firstAdmin = await lifecycle.start({
    name: "identity",
    start: () => identity.start(),
    stop: () => identity.stop(),
  });
  const verifier = await lifecycle.start({
    name: "token verifier",
    start: async () => {
      const started = new BusTokenVerifier({ bus, clock, log });
      await started.start();
      return started;
    },
    stop: (started) => started.stop(),
  });
  const catalog = createCatalogService({ pool, bus, stream, engine, clock, random, log, demo: true });
  await lifecycle.start({ name: "catalog", start: () => catalog.start(), stop: () => catalog.stop() });
  await lifecycle.start({ name: "events", start: () => stream.start(), stop: () => stream.stop() });
  const bookings = createBookingsService({ engine, clock, random });

  const webRoot = fileURLToPath(new URL("web/", options.dist));
  const app = await createHttpServer({
    config,
    version: options.version,
    clock,
    random,
    log,
    metrics,
    verifier,
    idempotency: new IdempotencyStore({ pool, clock, random }),
    checks: options.checks,
    webSocket: () => ({ port: options.webSocketPort() }),
    ...(existsSync(webRoot) && { webRoot }),
  });
  await app.register(identity.wellKnown);
  for (const { routes } of [identity, catalog, bookings]) await app.register(routes, { prefix: "/api/v1" });
  const httpPort = await lifecycle.start({
    name: "http",
    start: async () => {
      await app.listen({ host: config.host, port: config.httpPort });
      const address = app.server.address();
      return typeof address === "object" && address !== null ? address.port : config.httpPort;
    },
    stop: () => app.close(),
  });
  return { verifier, httpPort, firstAdmin };
}
