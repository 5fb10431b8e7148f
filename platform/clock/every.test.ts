import { expect, it } from "vitest";
import { every } from "./every.ts";
import { sleep } from "./sleep.ts";
import { VirtualClock } from "./virtual-clock.ts";

it("does its work again and again until it is cancelled", async () => {
  const clock = new VirtualClock();
  const calls: number[] = [];
  const timer = every(clock, 10, () => void calls.push(clock.monotonic()));
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

it("counts from the end of work that takes its time, and has no two under way at once", async () => {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const timer = every(clock, 10, async () => {
    calls.push(`begins at ${clock.monotonic()}`);
    await sleep(clock, 25);
    calls.push(`ends at ${clock.monotonic()}`);
  });
  await clock.advance(50);
  expect(calls).toEqual(["begins at 10", "ends at 35", "begins at 45"]);
  timer.cancel();
  await clock.advance(100);
  expect(calls.slice(3)).toEqual(["ends at 70"]);
});
