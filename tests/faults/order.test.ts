import { expect, it } from "vitest";
import { orderOf } from "./order.ts";

const FEW = { "engine killed": 5, "edge killed": 4, "hand-over": 3 };
const SEEDS = [1, 2, 3];

it("a seed has the same order each time, another seed another, with as many of each kind", () => {
  for (const seed of SEEDS) expect(orderOf(FEW, seed)).toEqual(orderOf(FEW, seed));
  expect(new Set(SEEDS.map((seed) => orderOf(FEW, seed).join())).size).toBe(SEEDS.length);
  const killed = orderOf(FEW, 1).filter((name) => name === "engine killed");
  expect(killed).toHaveLength(FEW["engine killed"]);
});

it("a kind that is added leaves the order of the others as it was", () => {
  for (const seed of SEEDS) {
    const more = orderOf({ garbage: 6, ...FEW }, seed);
    expect(more.filter((name) => name !== "garbage")).toEqual(orderOf(FEW, seed));
    expect(more.length).toBe(orderOf(FEW, seed).length + 6);
  }
});
