import { afterEach, expect, test, vi } from "vitest";
import { createSystemClock } from "./clock.ts";

afterEach(() => {
  vi.useRealTimers();
});

test.each([Infinity, 2 ** 31, 30 * 24 * 3600_000])("what is due in %d ms is not due at once", (ms) => {
  vi.useFakeTimers();
  let calls = 0;
  createSystemClock().after(ms, () => calls++);
  vi.advanceTimersByTime(24 * 24 * 3600_000);
  expect(calls).toBe(0);
});
