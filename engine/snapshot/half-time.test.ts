import { expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { halfTime } from "./half-time.ts";

it("waits as long as the work took, once that is a stretch, and not for long", async () => {
  const clock = new VirtualClock();
  await clock.advance(60_000);
  const turn = halfTime(clock);
  let turns = 0;
  const work = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    void turn().then(() => turns++);
    await clock.advance(0);
  };
  await work(0.5);
  expect(turns).toBe(1);
  await work(2.5);
  expect(turns).toBe(1);
  await clock.advance(2.9);
  expect(turns).toBe(1);
  await clock.advance(0.1);
  expect(turns).toBe(2);
  await work(0.9);
  expect(turns).toBe(3);
  await work(10_000);
  await clock.advance(49.9);
  expect(turns).toBe(3);
  await clock.advance(0.1);
  expect(turns).toBe(4);
});
