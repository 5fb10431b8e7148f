import { expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { Housekeeping } from "./housekeeping.ts";
import { BEHIND_MAX_MS, CLOCK_ROW_EVERY_MS, HELD_UP_MS, RESUME_GRACE_MS, WALL_CLOCK_EVERY_MS } from "./limits.ts";
import type { Memory } from "./memory.ts";
import { ShardClock } from "./shard-clock.ts";
import { log } from "./testing/desk.ts";

/** Its timers come late by as long as the process stood still. */
class StoppedClock extends VirtualClock {
  stoodMs = 0;

  override now(): number {
    return super.now() + this.stoodMs;
  }

  override monotonic(): number {
    return super.monotonic() + this.stoodMs;
  }
}

/** The housekeeping of a shard in which somebody holds something, with what it did. */
function kept(clock: VirtualClock) {
  const time = new ShardClock(clock, 0);
  const given: number[] = [];
  const did: string[] = [];
  const memory = {
    hasRunningClocks: true,
    nextDeadline: Infinity,
    clockRowDueAt: time.now() + CLOCK_ROW_EVERY_MS,
    giveBack(ms: number) {
      given.push(ms);
      did.push("give back");
    },
    expire: () => void did.push("expire"),
    keepClock: (now: number) => void (memory.clockRowDueAt = now + CLOCK_ROW_EVERY_MS),
    archive: () => undefined,
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
  return { clock, time, memory, given, did, housekeeping, commitTakes: (ms: number) => void (commitMs = ms) };
}

it("gives no time back that was lost before anybody held anything", async () => {
  const { clock, time, memory, given, housekeeping, commitTakes } = kept(new VirtualClock());
  housekeeping.start();
  // The last clock ends while a commit hangs, and an hour later there is a hold again.
  memory.hasRunningClocks = false;
  commitTakes(2 * HELD_UP_MS);
  await clock.advance(2 * CLOCK_ROW_EVERY_MS);
  commitTakes(0);
  await clock.advance(3_600_000);
  memory.hasRunningClocks = true;
  housekeeping.wakeBy(time.now());
  await clock.advance(CLOCK_ROW_EVERY_MS);
  expect(given).toEqual([]);
  // The same while somebody holds something.
  commitTakes(2 * HELD_UP_MS);
  await clock.advance(CLOCK_ROW_EVERY_MS);
  commitTakes(0);
  await clock.advance(CLOCK_ROW_EVERY_MS);
  housekeeping.stop();
  expect(given).toHaveLength(1);
});

it("gives the time back in which the whole process stood still, before anything runs out", async () => {
  const clock = new StoppedClock();
  const { given, did, housekeeping } = kept(clock);
  housekeeping.start();
  await clock.advance(3 * CLOCK_ROW_EVERY_MS);
  expect(given).toEqual([]);
  did.length = 0;
  clock.stoodMs = 120_000;
  await clock.advance(CLOCK_ROW_EVERY_MS);
  housekeeping.stop();
  expect(did.slice(0, 2)).toEqual(["give back", "expire"]);
  expect(given).toHaveLength(1);
  expect(given[0]).toBeGreaterThan(119_000);
  expect(given[0]).toBeLessThanOrEqual(120_000 + CLOCK_ROW_EVERY_MS + RESUME_GRACE_MS);
});

it("gives nobody the time in which the process stood still when no clock runs any more", async () => {
  const clock = new StoppedClock();
  const { time, memory, given, housekeeping, commitTakes } = kept(clock);
  housekeeping.start();
  memory.hasRunningClocks = false;
  clock.stoodMs = 120_000;
  commitTakes(2 * HELD_UP_MS);
  await clock.advance(2 * CLOCK_ROW_EVERY_MS);
  commitTakes(0);
  await clock.advance(3_600_000);
  memory.hasRunningClocks = true;
  housekeeping.wakeBy(time.now());
  await clock.advance(CLOCK_ROW_EVERY_MS);
  housekeeping.stop();
  expect(given).toEqual([]);
});

it("gives the time only once by which a wall clock was set forward", async () => {
  const clock = new VirtualClock();
  const { given, housekeeping } = kept(clock);
  housekeeping.start();
  clock.setForward(10 * BEHIND_MAX_MS);
  await clock.advance(4 * WALL_CLOCK_EVERY_MS);
  housekeeping.stop();
  expect(given).toHaveLength(1);
});
