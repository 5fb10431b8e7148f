import pino from "pino";
import { expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { SnapshotSchedule } from "./snapshot-schedule.ts";

function schedule() {
  const taken: number[] = [];
  const taker = { take: async (shard: number) => void taken.push(shard), close: () => Promise.resolve() };
  const clock = new VirtualClock();
  return { taken, clock, schedule: new SnapshotSchedule(taker, clock, pino({ level: "silent" })) };
}

it("a shard is handed over with a snapshot when there is much to read, whoever wrote it", async () => {
  const { taken, schedule: snapshots } = schedule();
  snapshots.note(1, { rows: 7_000, bytes: 512 * 1024 });
  await snapshots.takeBeforeHandover(1);
  expect(taken).toEqual([]);
  snapshots.note(1, { rows: 5, bytes: 600 * 1024 });
  await snapshots.takeBeforeHandover(1);
  await snapshots.takeBeforeHandover(1);
  expect(taken).toEqual([1]);
  await snapshots.takeBeforeHandover(2);
  snapshots.note(2, { rows: 5, bytes: 2 * 1024 * 1024 });
  snapshots.forget(2);
  await snapshots.takeBeforeHandover(2);
  expect(taken).toEqual([1]);
});

it("one that comes with more to read than a snapshot may leave is due at once", async () => {
  const { taken, schedule: snapshots } = schedule();
  snapshots.note(3, { rows: 40_000, bytes: 1_000 });
  snapshots.note(4, { rows: 1, bytes: 33 * 1024 * 1024 });
  await Promise.resolve().then(() => undefined);
  expect(taken).toEqual([3, 4]);
});

it("one that has more to read than a snapshot is due once a minute, one with some to read after ten, and a quiet one after six hours", async () => {
  const { taken, clock, schedule: snapshots } = schedule();
  snapshots.note(1, { rows: 8_000, bytes: 1_000 });
  snapshots.note(2, { rows: 7_999, bytes: 1024 * 1024 - 1 });
  snapshots.note(3, { rows: 1, bytes: 1024 * 1024 });
  await clock.advance(59_999);
  expect(taken).toEqual([]);
  await clock.advance(1);
  expect(taken).toEqual([1]);
  await clock.advance(9 * 60_000);
  expect(taken).toEqual([1, 3]);
  await clock.advance(6 * 3_600_000 - 10 * 60_000 - 1);
  expect(taken).toEqual([1, 3]);
  await clock.advance(1);
  expect(taken).toEqual([1, 3, 2]);
  await snapshots.close();
});
