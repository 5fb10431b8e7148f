import { expect, it } from "vitest";
import type { Sample } from "../load/recorder.ts";
import { merge } from "./measure.ts";

const counted = (slices: readonly number[]): Sample => ({ count: 1, refused: 0, histograms: {}, slices, figures: {} });

it.each([
  [[1, 2], [3], [4]],
  [[3], [1, 2], [4]],
])("what %j and %j did in each slice is summed as far as both have counted", (one, other, sum) => {
  expect(merge([counted(one), counted(other)]).slices).toEqual(sum);
});
