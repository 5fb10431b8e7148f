import { SIGNING_KEYS, SIGNING_TIME } from "../../../proto/services/index.ts";
import { type Bus, WithholdingBus } from "../../../platform/bus/index.ts";
import { Poller } from "../../../platform/poller/index.ts";
import { createPool } from "../../../platform/postgres/index.ts";
import type { Role } from "../role.ts";

const LOOK_EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 2_000;
/** Looks in a row without an answer before questions are left to others: a broken connection alone says little. */
const FAILURES_MAX = 2;
/** Answered from memory, also without a database. */
const ALWAYS = [SIGNING_KEYS.name, SIGNING_TIME.name];

/**
 * The bus for services, which take no questions over it while PostgreSQL does not answer them: others might have to wait in vain.
 * It is asked over a connection of its own, so that a full pool or a slow statement does not count as its absence.
 */
export async function answerWithDatabase({ clock, log, lifecycle }: Role, bus: Bus, url: string): Promise<Bus> {
  const withholding = new WithholdingBus(bus, ALWAYS);
  const pool = createPool({ connectionString: url, max: 1, name: "usher-look", log, answerWithinMs: ANSWER_WITHIN_MS });
  let failures = 0;
  const look = async (): Promise<boolean> => {
    try {
      await pool.query("SELECT 1");
      if (failures >= FAILURES_MAX) log.info("PostgreSQL answers again, and so does this process over the bus");
      failures = 0;
      withholding.offer();
      return false;
    } catch (err) {
      failures++;
      if (failures === FAILURES_MAX) {
        log.warn({ err }, "PostgreSQL does not answer: questions over the bus are left to other processes");
        withholding.withhold();
      }
      return failures < FAILURES_MAX;
    }
  };
  const what = "looking whether PostgreSQL answers";
  const poller = new Poller({ clock, log, what, everyMs: LOOK_EVERY_MS, work: look });
  await lifecycle.start({
    name: "look at PostgreSQL",
    start: () => poller.start(),
    stop: async () => {
      await poller.stop();
      await pool.end();
    },
  });
  return withholding;
}
