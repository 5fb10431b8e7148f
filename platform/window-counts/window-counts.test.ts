import { describe, expect, it } from "vitest";
import { VirtualClock } from "../clock/index.ts";
import { OwnCounts } from "./index.ts";

describe("counts of one process", () => {
  it("begin again with each window", async () => {
    const clock = new VirtualClock();
    const counts = new OwnCounts({ clock, keysMax: 10 });
    expect(counts.add("a", 1_000)).toEqual({ count: 1, leftMs: 1_000 });
    await clock.advance(999);
    expect(counts.add("a", 1_000)).toEqual({ count: 2, leftMs: 1 });
    expect(counts.add("b", 1_000)).toEqual({ count: 1, leftMs: 1_000 });
    await clock.advance(1);
    expect(counts.add("a", 1_000)).toEqual({ count: 1, leftMs: 1_000 });
  });

  it("take back what came to nothing, while its window lasts", async () => {
    const clock = new VirtualClock();
    const counts = new OwnCounts({ clock, keysMax: 10 });
    counts.add("a", 1_000);
    counts.add("a", 1_000);
    counts.takeBack("a");
    expect(counts.add("a", 1_000).count).toBe(2);
    for (let times = 0; times < 5; times++) counts.takeBack("a");
    expect(counts.add("a", 1_000).count).toBe(1);
    await clock.advance(1_000);
    counts.takeBack("a");
    counts.takeBack("nobody");
    expect(counts.add("a", 1_000).count).toBe(1);
  });

  it("forget who was longest unseen when there are too many", () => {
    const counts = new OwnCounts({ clock: new VirtualClock(), keysMax: 2 });
    for (const key of ["a", "b", "a", "c"]) counts.add(key, 1_000);
    expect(counts.add("a", 1_000).count).toBe(3);
    expect(counts.add("b", 1_000).count).toBe(1);
  });
});
