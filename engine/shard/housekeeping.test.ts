import { expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { Housekeeping } from "./housekeeping.ts";
import { CLOCK_ROW_EVERY_MS, HELD_UP_MS } from "./limits.ts";
import type { Memory } from "./memory.ts";
import { ShardClock } from "./shard-clock.ts";
import { log } from "./testing/desk.ts";

it("gives no time back that was lost before anybody held anything", async () => {
  const clock = new VirtualClock();
  const time = new ShardClock(clock, 0);
  const given: number[] = [];
  const nothing = (): void => undefined;
  const memory = {
    hasRunningClocks: true,
    nextDeadline: Infinity,
    clockRowDueAt: time.now() + CLOCK_ROW_EVERY_MS,
    giveBack: (ms: number) => void given.push(ms),
    expire: nothing,
    keepClock: nothing,
    archive: nothing,
  };
  let commitMs = 0;
  const housekeeping = new Housekeeping({
    shard: 0,
    memory: memory as unknown as Memory, // What it uses of one.
    time,
    clock,
    log,
    commitMs: () => commitMs,
    onFailure: (error) => expect.unreachable(String(error)),
  });
  housekeeping.start();
  // The last clock ends while a commit hangs, and an hour later there is a hold again.
  memory.hasRunningClocks = false;
  commitMs = 2 * HELD_UP_MS;
  await clock.advance(2 * CLOCK_ROW_EVERY_MS);
  commitMs = 0;
  await clock.advance(3_600_000);
  memory.hasRunningClocks = true;
  housekeeping.wakeBy(time.now());
  await clock.advance(CLOCK_ROW_EVERY_MS);
  expect(given).toEqual([]);
  // The same while somebody holds something.
  commitMs = 2 * HELD_UP_MS;
  await clock.advance(CLOCK_ROW_EVERY_MS);
  commitMs = 0;
  await clock.advance(CLOCK_ROW_EVERY_MS);
  housekeeping.stop();
  expect(given).toHaveLength(1);
});
