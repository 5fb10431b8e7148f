import type { Bus } from "../../platform/bus/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import type { Role } from "./role.ts";

/** How long an edge or a service waits for the engine, retries included. */
const TIMEOUT_MS = 4_000;
/** The same where shards move between engines: longer than a takeover takes. */
const CLUSTER_TIMEOUT_MS = 8_000;
/** An answer that has not come by then was lost, or its engine stands still. */
const CLUSTER_ATTEMPT_TIMEOUT_MS = 500;
const IN_FLIGHT_MAX = 50_000;

/** The way to the engine, for selling or, from an edge, for buyers alone. */
export function engineClient({ config, clock }: Role, bus: Bus, { sells }: { sells: boolean }): EngineClient {
  const isCluster = config.natsUrl !== undefined;
  return new EngineClient({
    bus,
    clock,
    shards: config.shards,
    sells,
    inFlightMax: IN_FLIGHT_MAX,
    timeoutMs: isCluster ? CLUSTER_TIMEOUT_MS : TIMEOUT_MS,
    ...(isCluster && { attemptTimeoutMs: CLUSTER_ATTEMPT_TIMEOUT_MS }),
  });
}
