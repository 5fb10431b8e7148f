import { afterEach, expect, test, vi } from "vitest";
import { createSystemClock } from "./clock.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("a sleep counts, although the monotonic clock stood still; a wall clock that is corrected does not", () => {
  let wall = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => wall);
  vi.spyOn(performance, "now").mockReturnValue(1_000);
  const clock = createSystemClock();
  const before = clock.monotonic();
  wall += 600_000;
  expect(clock.monotonic() - before).toBe(600_000);
  for (const correction of [1_000, -600_000]) {
    wall += correction;
    expect(clock.monotonic() - before).toBe(600_000);
  }
});

test.each([Infinity, 2 ** 31, 30 * 24 * 3600_000])("what is due in %d ms is not due at once", (ms) => {
  vi.useFakeTimers();
  let calls = 0;
  createSystemClock().after(ms, () => calls++);
  vi.advanceTimersByTime(24 * 24 * 3600_000);
  expect(calls).toBe(0);
});
