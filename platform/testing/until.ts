import { setTimeout as pause } from "node:timers/promises";

const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 10;

/** Looks until there is something, or what it looks for is so. @throws when its patience is at its end, saying what it waited for */
export async function until<T>(
  look: () => Promise<T | undefined> | T | undefined,
  what: string | (() => string),
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited in vain: ${typeof what === "string" ? what : what()}`);
    await pause(LOOK_EVERY_MS);
  }
}
