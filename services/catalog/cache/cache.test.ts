import { expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { Cache } from "./cache.ts";

function cacheOf(weightMax: number) {
  const clock = new VirtualClock();
  const loads: string[] = [];
  const cache = new Cache<string>({ clock, ttlMs: 1_000, weightMax, weigh: (value) => value.length });
  const get = (key: string, value = key) =>
    cache.get(key, async () => {
      loads.push(key);
      return value;
    });
  return { clock, loads, cache, get };
}

it("loads once for all who ask at the same time, and again when the time is up", async () => {
  const { clock, loads, get } = cacheOf(10);
  expect(await Promise.all([get("a"), get("a")])).toEqual(["a", "a"]);
  await clock.advance(999);
  await get("a");
  expect(loads).toEqual(["a"]);
  await clock.advance(1);
  await get("a");
  expect(loads).toEqual(["a", "a"]);
});

it("lets go of what was used longest ago when it gets too heavy", async () => {
  const { loads, get } = cacheOf(6);
  await get("aa");
  await get("bb");
  await get("aa");
  await get("ccc");
  await get("aa");
  expect(loads).toEqual(["aa", "bb", "ccc"]);
  await get("bb");
  expect(loads).toEqual(["aa", "bb", "ccc", "bb"]);
});

it("gives what is too heavy to keep, without keeping it", async () => {
  const { loads, get } = cacheOf(2);
  expect(await get("heavy")).toBe("heavy");
  expect(await get("heavy")).toBe("heavy");
  expect(loads).toEqual(["heavy", "heavy"]);
});

it("does not remember a failure", async () => {
  const { cache, get } = cacheOf(10);
  await expect(cache.get("a", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
  expect(await get("a")).toBe("a");
});
