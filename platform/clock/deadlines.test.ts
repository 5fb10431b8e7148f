import { expect, it } from "vitest";
import type { Clock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import { VirtualClock } from "./virtual-clock.ts";

interface Item {
  readonly name: string;
  readonly dueAt: number;
}

/** What runs out is written down with its time, and counted are the timers that it took. */
function begin() {
  const clock = new VirtualClock();
  const over: [number, string][] = [];
  let timers = 0;
  const counting: Pick<Clock, "monotonic" | "after"> = {
    monotonic: () => clock.monotonic(),
    after: (ms, callback) => {
      timers++;
      return clock.after(ms, callback);
    },
  };
  const keys = new Map<Item, number>();
  const deadlines: Deadlines<Item> = new Deadlines(counting as Clock, (item) => {
    over.push([clock.monotonic(), item.name]);
    expect(deadlines.delete(keys.get(item) ?? -1, item)).toBe(true);
  });
  const add = (name: string, dueAt: number): Item => {
    const item = { name, dueAt };
    keys.set(item, deadlines.add(item));
    return item;
  };
  const remove = (item: Item): boolean => deadlines.delete(keys.get(item) ?? -1, item);
  return { clock, over, deadlines, add, remove, timers: () => timers };
}

it("each is over at its own time, in whatever order they came", async () => {
  const { clock, over, deadlines, add } = begin();
  add("late", 300);
  add("early", 100);
  add("between", 200);
  add("with the early one", 100);
  await clock.advance(99);
  expect(over).toEqual([]);
  await clock.advance(1);
  expect(new Set(over)).toEqual(
    new Set([
      [100, "early"],
      [100, "with the early one"],
    ]),
  );
  await clock.advance(1_000);
  expect(over.slice(2)).toEqual([
    [200, "between"],
    [300, "late"],
  ]);
  expect(deadlines.size).toBe(0);
});

it("what was deleted is never over, and neither takes a timer of its own", async () => {
  const { clock, over, add, remove, timers } = begin();
  for (let at = 0; at < 1_000; at++) {
    const item = add("answered", clock.monotonic() + 500);
    await clock.advance(1);
    expect(remove(item)).toBe(true);
    expect(remove(item)).toBe(false);
  }
  const last = add("unanswered", clock.monotonic() + 500);
  await clock.advance(600);
  expect(over).toEqual([[last.dueAt, "unanswered"]]);
  expect(timers()).toBeLessThan(10);
});

it("what comes while others run out has its time too", async () => {
  const { clock, over, add } = begin();
  add("first", 100);
  void clock.after(100, () => add("second", 150));
  await clock.advance(100);
  add("third", 120);
  await clock.advance(100);
  expect(over).toEqual([
    [100, "first"],
    [120, "third"],
    [150, "second"],
  ]);
});
