import type { Pool } from "pg";
import { requireShardCount } from "../../engine/journal/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import type { HealthCheck } from "../../platform/http/index.ts";
import { Poller } from "../../platform/poller/index.ts";
import { commandsTo } from "../../proto/index.ts";
import { endWith, type Role } from "./role.ts";

const EVERY_MS = 1_000;
/** Only an engine that hangs is waited for that long. */
const ANSWER_WITHIN_MS = 2_000;

/** The engines spread showtimes over another number of shards: what is asked here would reach those that do not have them. */
class OtherShardCount extends ExplainedError {
  override readonly name = "OtherShardCount";
}

/** For services, which find it in the journal. @throws UnsafeJournal */
export const requireShardsOfJournal = (role: Role, pool: Pool): Promise<HealthCheck> =>
  requireShards(role, () => requireShardCount(pool, role.config.shards));

/** For an edge, which cannot look into the journal: an engine tells. @throws OtherShardCount */
export const requireShardsOfEngines = (role: Role, bus: Bus): Promise<HealthCheck> =>
  requireShards(role, async () => {
    const question = bus.request(commandsTo(0), { requests: [] }, { timeoutMs: ANSWER_WITHIN_MS });
    const shards = (await question.catch(() => undefined))?.shards;
    const ours = role.config.shards;
    if (shards !== undefined && shards !== ours)
      throw new OtherShardCount(`SHARDS is ${ours}, but the engines have ${shards}: set SHARDS=${shards}.`);
    return shards !== undefined;
  });

/**
 * Whoever comes before the first engine goes on asking: not ready until it knows, and it ends if the number turns out to be another.
 * @param ask whether it is known, and ours; throws where it is another
 */
async function requireShards(role: Role, ask: () => Promise<boolean>): Promise<HealthCheck> {
  const { clock, log, lifecycle } = role;
  let isKnown = await ask();
  const askAgain = async (): Promise<boolean> => {
    try {
      isKnown = await ask();
    } catch (error) {
      if (!(error instanceof ExplainedError)) throw error;
      endWith(role, error);
      void poller.stop();
    }
    if (isKnown) void poller.stop();
    return false;
  };
  const what = "asking for the engines' shard count";
  const poller = new Poller({ clock, log, what, everyMs: EVERY_MS, work: askAgain });
  await lifecycle.start({
    name: "shard count",
    start: () => void (isKnown || poller.start()),
    stop: () => poller.stop(),
  });
  const check = async (): Promise<void> => {
    if (!isKnown) throw new Error("no engine has said yet how many shards there are");
  };
  return { name: "shards", check };
}
