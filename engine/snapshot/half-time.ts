import { type Clock, sleep } from "../../platform/clock/index.ts";
import { PAUSE_MAX_MS, STRETCH_MS } from "./limits.ts";

/**
 * A `turn` for work that nobody waits for: it takes half of the time, and little more than a millisecond at a stretch. So who serves on the
 * same cores waits for one hardly longer than without it.
 */
export function halfTime(clock: Clock): () => Promise<void> {
  let since = clock.monotonic();
  return async () => {
    const ms = clock.monotonic() - since;
    if (ms < STRETCH_MS) return;
    await sleep(clock, Math.min(ms, PAUSE_MAX_MS));
    since = clock.monotonic();
  };
}
