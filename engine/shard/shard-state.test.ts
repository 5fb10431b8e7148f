import { expect, it } from "vitest";
import { showtimeId } from "../../proto/index.ts";
import { allSteps } from "../core/index.ts";
import { tombstoneOf } from "../core/state/state.ts";
import { ShardState } from "./shard-state.ts";

const SHOWTIMES = 500;
/** In base64, a shard at row 9 with a showtime of which there is nothing yet, and one that is archived. */
const FORMAT_1 = "AQmAoPHCsTQCCAIDbmV3AAAADQIDb2xkAwOA0JX/vDE=";

function stepsOf<Value>(steps: Generator<undefined, Value>): { steps: number; value: Value } {
  for (let taken = 0; ; taken++) {
    const { done, value } = steps.next();
    if (done === true) return { steps: taken, value };
  }
}

it("a shard of many small showtimes is written and read with a step for each of them at least", () => {
  const shard = new ShardState();
  for (let at = 0; at < SHOWTIMES; at++) shard.of(showtimeId(`st_${at}`));
  const written = stepsOf(shard.encode());
  expect(written.steps).toBeGreaterThanOrEqual(SHOWTIMES);
  const read = stepsOf(ShardState.decode(written.value));
  expect(read.steps).toBeGreaterThanOrEqual(SHOWTIMES);
  expect(allSteps(read.value.encode())).toEqual(written.value);
});

it("one of many archived showtimes is written and read with a step for a hundred of them, and no more", () => {
  const shard = new ShardState();
  for (let at = 0; at < 10_000; at++) {
    const id = showtimeId(`st_${at}`);
    shard.showtimes.set(id, tombstoneOf({ id, seq: 3, at: 1 }));
  }
  shard.of(showtimeId("live"));
  const written = stepsOf(shard.encode());
  expect(written.steps).toBeLessThanOrEqual(100);
  const read = stepsOf(ShardState.decode(written.value));
  expect(read.steps).toBeLessThanOrEqual(100);
  expect(read.value.showtimes.size).toBe(10_001);
  expect(allSteps(read.value.encode())).toEqual(written.value);
});

it("bytes that never change (add a format): a snapshot reads as it was written in format 1", () => {
  const shard = allSteps(ShardState.decode(Buffer.from(FORMAT_1, "base64")));
  expect([shard.seq, shard.at]).toEqual([9, 1_800_000_000_000]);
  const states = [...shard.showtimes.values()].map(({ id, phase, seq, at }) => ({ id, phase, seq, at }));
  expect(states).toEqual([
    { id: "new", phase: "unopened", seq: 0, at: 0 },
    { id: "old", phase: "archived", seq: 3, at: 1_700_000_000_000 },
  ]);
});
