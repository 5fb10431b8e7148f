import pino from "pino";
import { expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { SnapshotSchedule } from "./snapshot-schedule.ts";

function schedule() {
  const taken: number[] = [];
  const taker = { take: async (shard: number) => void taken.push(shard), close: () => Promise.resolve() };
  return { taken, schedule: new SnapshotSchedule(taker, new VirtualClock(), pino({ level: "silent" })) };
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
  snapshots.note(3, { rows: 8_000, bytes: 1_000 });
  snapshots.note(4, { rows: 1, bytes: 33 * 1024 * 1024 });
  await Promise.resolve().then(() => undefined);
  expect(taken).toEqual([3, 4]);
});
