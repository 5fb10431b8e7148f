import type { Bus } from "../../platform/bus/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { commandsTo } from "../../proto/index.ts";
import type { Role } from "./role.ts";

/** How long an edge or a service waits for the engine, retries included. */
const TIMEOUT_MS = 4_000;
/** The same where shards move between engines: longer than a takeover takes. */
const CLUSTER_TIMEOUT_MS = 8_000;
/** An answer that has not come by then was lost, or its engine stands still. */
const CLUSTER_ATTEMPT_TIMEOUT_MS = 500;
const IN_FLIGHT_MAX = 50_000;
/** An engine that is asked how many shards there are: only one that hangs is waited for that long. */
const COUNT_TIMEOUT_MS = 2_000;

/** The engines spread showtimes over another number of shards: what is asked here would reach those that do not have them. */
class OtherShardCount extends ExplainedError {
  override readonly name = "OtherShardCount";
}

/** For an edge, which cannot look into the journal. Where no engine answers, any number will do. @throws OtherShardCount */
export async function askShardCount({ config }: Pick<Role, "config">, bus: Bus): Promise<void> {
  const question = bus.request(commandsTo(0), { requests: [] }, { timeoutMs: COUNT_TIMEOUT_MS });
  const shards = await question.then(
    (answer) => answer.shards ?? config.shards,
    () => config.shards,
  );
  if (shards !== config.shards)
    throw new OtherShardCount(`SHARDS is ${config.shards}, but the engines have ${shards}: set SHARDS=${shards}.`);
}

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
