import { describe, expect, it } from "vitest";
import { holderId, type Refusal, type RequestId } from "../../proto/index.ts";
import { RefusalMemory } from "./refusal-memory.ts";

const anna = holderId("anna");
const rid = (number: number): RequestId => `r${number}` as RequestId; // Short enough.
const refusal = (seats: number): Refusal => ({
  type: "refused",
  code: "SEAT_TAKEN",
  message: "Taken.",
  seats: Array<number>(seats).fill(1),
});

describe("refusals are remembered", () => {
  const remembered = (memory: RefusalMemory, count: number) =>
    Array.from({ length: count }, (_, at) => at).filter((at) => memory.recall(anna, rid(at)) !== undefined);

  it("up to their number, the oldest forgotten first", () => {
    const memory = new RefusalMemory({ refusals: 3, seats: 100 });
    for (let at = 0; at < 5; at++) memory.remember(anna, rid(at), refusal(1));
    expect(remembered(memory, 5)).toEqual([2, 3, 4]);
  });

  it("so however often all of them were replaced", () => {
    const memory = new RefusalMemory({ refusals: 3, seats: 8 });
    for (let at = 0; at < 1_000; at++) {
      memory.remember(anna, rid(at), refusal(at % 5));
      const seats = (from: number) =>
        Array.from({ length: at - from + 1 }, (_, i) => (from + i) % 5).reduce((a, b) => a + b);
      const oldest = [at - 2, at - 1, at].find((from) => from >= 0 && seats(from) <= 8);
      expect(remembered(memory, at + 1)[0]).toBe(oldest);
    }
  });

  it("up to so many seats in all of them, and not at all where one names more", () => {
    const memory = new RefusalMemory({ refusals: 100, seats: 10 });
    for (let at = 0; at < 4; at++) memory.remember(anna, rid(at), refusal(3));
    expect(remembered(memory, 4)).toEqual([1, 2, 3]);
    memory.remember(anna, rid(4), refusal(7));
    expect(remembered(memory, 5)).toEqual([3, 4]);
    memory.remember(anna, rid(5), refusal(11));
    expect(remembered(memory, 6)).toEqual([]);
    memory.remember(anna, rid(6), refusal(10));
    expect(remembered(memory, 7)).toEqual([6]);
  });
});
