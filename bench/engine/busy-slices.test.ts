import { expect, it } from "vitest";
import { SLICE_MS } from "../load/recorder.ts";
import { BusySlices } from "./busy-slices.ts";

it("has what was done in the slice in which it was done, and none that is not over", () => {
  const slices = new BusySlices();
  slices.doneAt(0, 3);
  slices.doneAt(SLICE_MS - 1, 4);
  slices.doneAt(2 * SLICE_MS, 5);
  expect(slices.whole(3 * SLICE_MS - 1)).toEqual([7, 0]);
  expect(slices.whole(3 * SLICE_MS)).toEqual([7, 0, 5]);
});

it("spreads evenly what was done nobody knows when", () => {
  const slices = new BusySlices();
  slices.doneWithin(SLICE_MS / 2, 2 * SLICE_MS, 8);
  slices.doneWithin(2.5 * SLICE_MS, SLICE_MS / 2, 1);
  expect(slices.whole(3 * SLICE_MS)).toEqual([2, 4, 3]);
});
