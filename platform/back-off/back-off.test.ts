import { expect, it } from "vitest";
import { doubledMs } from "./back-off.ts";

it("a wait doubles up to the longest, and stays that for ever", () => {
  expect([0, 1, 2, 3, 4].map((doublings) => doubledMs(500, doublings, 5_000))).toEqual([
    500, 1_000, 2_000, 4_000, 5_000,
  ]);
  expect(doubledMs(500, 1_000_000, 5_000)).toBe(5_000);
});
