import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { Slab } from "./slab.ts";

it("finds each value by its key, and gives a key that is free to the next", () => {
  const slab = new Slab<{ readonly name: string }>();
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  const [keyOfA, keyOfB] = [slab.add(a), slab.add(b)];
  expect([slab.get(keyOfA), slab.get(keyOfB), slab.size]).toEqual([a, b, 2]);
  expect(slab.delete(keyOfA, a)).toBe(true);
  expect([slab.get(keyOfA), slab.size, slab.values()]).toEqual([undefined, 1, [b]]);
  expect(slab.add(c)).toBe(keyOfA);
  expect(slab.values()).toEqual([c, b]);
});

it("deletes what has gone already no second time, not even when another has its key", () => {
  const slab = new Slab<{ readonly name: string }>();
  const gone = { name: "gone" };
  const key = slab.add(gone);
  slab.delete(key, gone);
  expect([slab.delete(key, gone), slab.size]).toEqual([false, 0]);
  const next = { name: "next" };
  expect(slab.add(next)).toBe(key);
  expect([slab.delete(key, gone), slab.get(key), slab.size]).toEqual([false, next, 1]);
});

it("lists its values as they were when it was asked, whatever comes and goes meanwhile", () => {
  const slab = new Slab<{ readonly name: string }>();
  const values = ["a", "b", "c"].map((name) => ({ name }));
  const keys = values.map((value) => slab.add(value));
  const seen: string[] = [];
  for (const { name } of slab.values()) {
    seen.push(name);
    keys.forEach((key, at) => slab.delete(key, values[at] as { name: string }));
    slab.add({ name: `after ${name}` });
  }
  expect(seen).toEqual(["a", "b", "c"]);
});

it("lets young collections take what has gone", () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: { type: "minor" | "major" }) => void;
  const oldBytes = (): number =>
    getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0;
  const slab = new Slab<{ readonly bulk: readonly number[] }>();
  const start = { bulk: [] };
  let [key, value]: [number, { readonly bulk: readonly number[] }] = [slab.add(start), start];
  // In an old generation of its own, as in a server that has been up for a while.
  for (const type of ["minor", "minor", "major"] as const) gc({ type });
  const before = oldBytes();
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 1_000; i++) {
      const next = { bulk: Array.from({ length: 100 }, () => i) };
      const nextKey = slab.add(next); // Before the last one goes, so that it is never empty.
      slab.delete(key, value);
      [key, value] = [nextKey, next];
    }
    gc({ type: "minor" });
  }
  expect(oldBytes() - before).toBeLessThan(500_000); // Of 5 million. A `Map` or a `Set` keeps a third.
});
