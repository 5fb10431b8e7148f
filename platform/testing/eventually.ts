import { vi } from "vitest";

/** Checks until what it expects is so; fails with what it found last. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 15_000, interval: 20 });
