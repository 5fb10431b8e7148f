import type { RandomBytes } from "../../../platform/random/index.ts";
import { RETRY_FACTOR, RETRY_FIRST_MS, RETRY_JITTER, RETRY_MAX_MS } from "./limits.ts";

/**
 * When to try again after `attempts` failures: 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, 3 h, 9 h, then every 12 h, each give or
 * take a fifth, so that those who failed together do not come back together. The last attempt is made at `giveUpAt`.
 */
export function nextAttemptAt(options: { now: Date; attempts: number; giveUpAt: Date; random: RandomBytes }): Date {
  const { now, attempts, giveUpAt, random } = options;
  const ms = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * RETRY_FACTOR ** (attempts - 1));
  const chance = random(4).readUInt32BE() / 2 ** 32;
  const jittered = ms * (1 + RETRY_JITTER * (2 * chance - 1));
  return new Date(Math.min(now.getTime() + jittered, giveUpAt.getTime()));
}
