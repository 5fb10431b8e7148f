import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../platform/clock/index.ts";
import { holderId, type Refusal, type RequestId } from "../../proto/index.ts";
import { ENTRY_MAX, RefusalMemory } from "./refusal-memory.ts";

const anna = holderId("anna");
const rid = (number: number): RequestId => `r${number}` as RequestId; // Short enough.
const refusal = (seats: number): Refusal => ({
  type: "refused",
  code: "SEAT_TAKEN",
  message: "Taken.",
  seats: Array<number>(seats).fill(1),
});

let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
});

describe("refusals are remembered", () => {
  const memoryOf = (max: { refusals: number; seats: number }) =>
    new RefusalMemory({ clock, max: { ...max, ageMs: 1_000 } });
  const remembered = (memory: RefusalMemory, count: number, reign = 0) =>
    Array.from({ length: count }, (_, at) => at).filter((at) => memory.recall(reign, anna, rid(at)) !== undefined);

  it("up to their number, the oldest forgotten first", () => {
    const memory = memoryOf({ refusals: 3, seats: 100 });
    for (let at = 0; at < 5; at++) memory.remember(0, anna, rid(at), refusal(1));
    expect(remembered(memory, 5)).toEqual([2, 3, 4]);
  });

  it("so however often all of them were replaced", () => {
    const memory = memoryOf({ refusals: 3, seats: 8 });
    for (let at = 0; at < 1_000; at++) {
      memory.remember(0, anna, rid(at), refusal(at % 5));
      const seats = (from: number) =>
        Array.from({ length: at - from + 1 }, (_, i) => (from + i) % 5).reduce((a, b) => a + b);
      const oldest = [at - 2, at - 1, at].find((from) => from >= 0 && seats(from) <= 8);
      expect(remembered(memory, at + 1)[0]).toBe(oldest);
    }
  });

  it("to the letter, each under its own request, however many tables they outgrow and wherever their seats lie", () => {
    const memory = memoryOf({ refusals: 1_000, seats: 10_000 });
    const refusalOf = (at: number): Refusal => ({
      type: "refused",
      code: at % 2 === 0 ? "SEAT_TAKEN" : "LIMIT_REACHED",
      message: `Number ${at}.`,
      ...(at % 3 > 0 && { seats: Array.from({ length: at % 5 }, (_, index) => 65_535 - 97 * at - index) }),
    });
    const holders = ["anna", "bert", "carl"].map(holderId);
    const askerOf = (at: number) => [1 + (at % 2), holders[at % 3] ?? anna, rid(at >> 1)] as const;
    for (let at = 0; at < 5_000; at++) memory.remember(...askerOf(at % 600), refusalOf(at % 600));
    for (let at = 0; at < 600; at++) expect(memory.recall(...askerOf(at))).toEqual(refusalOf(at));
    expect(memory.recall(1, holders[1] ?? anna, rid(0))).toBeUndefined();
    expect(memory.recall(3, anna, rid(0))).toBeUndefined();
    expect(memory.recall(1, anna, rid(2_000))).toBeUndefined();
  });

  it.each([64, 100])("so when there are %i of them all the time and their entries are numbered anew", (refusals) => {
    const memory = new RefusalMemory({ clock, max: { refusals, seats: 1_000, ageMs: 1_000 }, first: ENTRY_MAX - 500 });
    for (let at = 0; at < 1_000; at++) {
      memory.remember(0, anna, rid(at), refusal(at % 5));
      const oldest = Math.max(0, at + 1 - refusals);
      for (const each of [oldest, at]) expect(memory.recall(0, anna, rid(each))?.seats).toHaveLength(each % 5);
      expect(memory.recall(0, anna, rid(oldest - 1))).toBeUndefined();
    }
  });

  it("but for those that name what is no hall's seat", () => {
    const memory = memoryOf({ refusals: 10, seats: 100 });
    for (const [at, seat] of [65_536, -1, 1.5, Number.NaN].entries())
      memory.remember(0, anna, rid(at), { ...refusal(0), seats: [seat] });
    expect(remembered(memory, 4)).toEqual([]);
  });

  it("up to so many seats in all of them, and not at all where one names more", () => {
    const memory = memoryOf({ refusals: 100, seats: 10 });
    for (let at = 0; at < 4; at++) memory.remember(0, anna, rid(at), refusal(3));
    expect(remembered(memory, 4)).toEqual([1, 2, 3]);
    memory.remember(0, anna, rid(4), refusal(7));
    expect(remembered(memory, 5)).toEqual([3, 4]);
    memory.remember(0, anna, rid(5), refusal(11));
    expect(remembered(memory, 6)).toEqual([]);
    memory.remember(0, anna, rid(6), refusal(10));
    expect(remembered(memory, 7)).toEqual([6]);
  });

  it("for all shards up to one number, each by itself, and none for the next reign of its shard", () => {
    const memory = memoryOf({ refusals: 4, seats: 100 });
    const [one, other] = [memory.newReign(), memory.newReign()];
    for (let at = 0; at < 3; at++) {
      memory.remember(one, anna, rid(at), refusal(1));
      memory.remember(other, anna, rid(at), refusal(2));
    }
    expect([remembered(memory, 3, one), remembered(memory, 3, other)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(memory.recall(one, anna, rid(2))?.seats).toHaveLength(1);
    expect(memory.recall(other, anna, rid(2))?.seats).toHaveLength(2);
    expect(remembered(memory, 3, memory.newReign())).toEqual([]);
  });

  it("for so long, and then let go of a few with each that comes", async () => {
    const memory = memoryOf({ refusals: 100, seats: 100 });
    for (let at = 0; at < 6; at++) memory.remember(0, anna, rid(at), refusal(1));
    await clock.advance(1_000);
    memory.remember(0, anna, rid(6), refusal(1));
    expect(remembered(memory, 7)).toHaveLength(7);
    await clock.advance(1);
    memory.remember(0, anna, rid(7), refusal(1));
    expect(remembered(memory, 8)).toEqual([4, 5, 6, 7]);
    await clock.advance(1_000);
    for (let at = 8; at < 11; at++) memory.remember(0, anna, rid(at), refusal(1));
    expect(remembered(memory, 11)).toEqual([7, 8, 9, 10]);
  });
});
