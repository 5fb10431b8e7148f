import type { Clock } from "../../platform/clock/index.ts";

const STRETCH_MS = 1;
/** Who was stopped for a while, or waited for PostgreSQL, does not wait as long again. */
const PAUSE_MAX_MS = 50;

/**
 * A `turn` for work that nobody waits for: it takes half of the time, and little more than a millisecond at a stretch. So who serves on the
 * same cores waits for one hardly longer than without it.
 */
export function halfTime(clock: Clock): () => Promise<void> {
  let since = clock.monotonic();
  return async () => {
    const ms = clock.monotonic() - since;
    if (ms < STRETCH_MS) return;
    await new Promise<void>((resolve) => clock.after(Math.min(ms, PAUSE_MAX_MS), resolve));
    since = clock.monotonic();
  };
}
