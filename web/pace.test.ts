import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("where nothing is answered the waits grow up to a bound, are never less than the server said, and begin anew", () => {
  const pace = new Pace(() => 0.5);
  const waits = Array.from({ length: 6 }, () => pace.later());
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(pace.later(60_000)).toBe(75_000);
  expect(pace.soon()).toBe(1_000);
  expect(pace.later()).toBe(1_000);
});
