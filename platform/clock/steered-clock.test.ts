import { expect, it } from "vitest";
import { SteeredClock } from "./steered-clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

it("goes by the shared clock where the machine's is wrong, and by its own where it is right", async () => {
  const own = new VirtualClock(1_000_000);
  const clock = new SteeredClock(own);
  const asked = clock.monotonic();
  await own.advance(200);
  expect(clock.steer(1_000_100 + 900, asked)).toBe(false); // Who knows when in these 200 ms it was read.
  expect(clock.now()).toBe(1_000_200);
  expect(clock.steer(1_000_200 - 300_000, clock.monotonic())).toBe(true);
  expect([clock.now(), clock.aheadMs]).toEqual([700_200, 300_000]);
  expect(clock.steer(1_000_200 - 300_400, clock.monotonic())).toBe(false);
  own.setForward(-300_000); // Somebody has set it right.
  expect(clock.steer(700_250, clock.monotonic())).toBe(true);
  expect([clock.now(), clock.aheadMs]).toEqual([700_200, 0]);
  expect(clock.steer(700_200 + 300_000, clock.monotonic())).toBe(true);
  expect([clock.now(), clock.aheadMs]).toEqual([1_000_200, -300_000]);
});

it("leaves all else to the machine", async () => {
  const own = new VirtualClock();
  const clock = new SteeredClock(own);
  const calls: string[] = [];
  clock.after(10, () => calls.push(`after ${clock.monotonic()}`));
  clock.endOfTurn(() => calls.push("end of turn"));
  await own.advance(10);
  expect(calls).toEqual(["end of turn", "after 10"]);
});

it("is no more ahead once it is right to half a second, however little it was off", () => {
  const own = new VirtualClock();
  const clock = new SteeredClock(own);
  const steer = (aheadMs: number): boolean => clock.steer(own.now() - aheadMs, clock.monotonic());
  expect([steer(1_200), clock.aheadMs]).toEqual([true, 1_200]);
  expect([steer(600), clock.aheadMs]).toEqual([false, 1_200]);
  expect([steer(450), clock.aheadMs]).toEqual([true, 0]);
  expect([steer(900), clock.aheadMs]).toEqual([false, 0]);
});
