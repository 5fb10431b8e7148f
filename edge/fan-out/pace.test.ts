import { expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { Pace } from "./pace.ts";

it("ticks as quickly as it may while frames cost little, less often the more they cost, and never rarer than it must", () => {
  const pace = new Pace();
  expect(pace.tickMs).toBe(LIMITS.tickMinMs);
  for (let at = 0; at < 50; at++) pace.measured(1);
  expect(pace.tickMs).toBe(LIMITS.tickMinMs);
  for (let at = 0; at < 50; at++) pace.measured(40);
  expect(pace.tickMs).toBeCloseTo(40 / LIMITS.fanOutShare, 0);
  for (let at = 0; at < 50; at++) pace.measured(10_000);
  expect(pace.tickMs).toBe(LIMITS.tickMaxMs);
  for (let at = 0; at < 100; at++) pace.measured(1);
  expect(pace.tickMs).toBe(LIMITS.tickMinMs);
});
