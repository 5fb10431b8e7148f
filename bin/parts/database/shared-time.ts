import type { Pool } from "pg";
import { SIGNING_TIME } from "../../../proto/services/index.ts";
import type { Bus } from "../../../platform/bus/index.ts";
import type { SteeredClock } from "../../../platform/clock/index.ts";
import type { Lifecycle } from "../../../platform/lifecycle/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { type Registry, sampledGauge } from "../../../platform/metrics/index.ts";
import { Poller } from "../../../platform/poller/index.ts";

const EVERY_MS = 10_000;
const ANSWER_WITHIN_MS = 2_000;

interface Parts {
  readonly clock: SteeredClock;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly lifecycle: Lifecycle;
}

/** Has the process go by PostgreSQL's clock, which all processes that write share, where the machine's is wrong. */
export const goByPostgres = (parts: Parts, pool: Pool): Promise<void> =>
  goBy(parts, "PostgreSQL's", async () => {
    const { rows } = await pool.query<{ now: string }>("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now");
    return Number(rows[0]?.now);
  });

/** The same for a process without PostgreSQL: by the clock of those who sign the tokens that it judges. */
export const goByIdentity = (parts: Parts, bus: Bus): Promise<void> =>
  goBy(parts, "identity's", () => bus.request(SIGNING_TIME, null, { timeoutMs: ANSWER_WITHIN_MS }));

async function goBy(
  { clock, log, metrics, lifecycle }: Parts,
  whose: string,
  ask: () => Promise<number>,
): Promise<void> {
  sampledGauge({
    registry: metrics,
    name: "usher_clock_ahead_seconds",
    help: "How far the machine's clock is ahead of the one that Usher goes by; 0 while it is right to a second, and again once it is to half of one.",
    read: () => clock.aheadMs / 1_000,
  });
  const look = async (): Promise<boolean> => {
    const asked = clock.monotonic();
    const shared = await ask();
    if (!Number.isFinite(shared)) throw new Error(`${whose} time is ${shared}`);
    if (!clock.steer(shared, asked)) return false;
    const seconds = Math.round(Math.abs(clock.aheadMs) / 1_000);
    if (seconds === 0) log.info("this machine's clock is right again");
    else {
      const where = clock.aheadMs > 0 ? "ahead of" : "behind";
      log.warn(`this machine's clock is ${seconds} s ${where} ${whose}, which Usher goes by: set it`);
    }
    return false;
  };
  const what = `asking for ${whose} time`;
  const poller = new Poller({ clock, log, what, everyMs: EVERY_MS, work: look });
  await lifecycle.start({
    name: "clock",
    start: async () => {
      await look().catch(() => undefined); // It is asked again at once.
      poller.start();
    },
    stop: () => poller.stop(),
  });
}
