import { expect, it } from "vitest";
import { every } from "./every.ts";
import { VirtualClock } from "./virtual-clock.ts";

it("does its work again and again until it is cancelled", async () => {
  const clock = new VirtualClock();
  const calls: number[] = [];
  const timer = every(clock, 10, () => calls.push(clock.monotonic()));
  await clock.advance(35);
  expect(calls).toEqual([10, 20, 30]);
  timer.cancel();
  await clock.advance(100);
  expect(calls).toHaveLength(3);
});

it("is over when the work itself cancels it", async () => {
  const clock = new VirtualClock();
  let calls = 0;
  const timer = every(clock, 10, () => {
    calls++;
    timer.cancel();
  });
  await clock.advance(100);
  expect(calls).toBe(1);
});
