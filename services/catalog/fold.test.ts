import { expect, it } from "vitest";
import { fold } from "./fold.ts";

it.each([
  ["Georges Méliès", "georges melies"],
  ["GUSTAV FRÖHLICH", "gustav frohlich"],
  ["  A\u00a0Trip \t to\nthe  Moon ", "a trip to the moon"],
  ["e\u0301", "e"],
  ["\u0000nul\u202e", "nul"],
  ["🎬", "🎬"],
])("reads %j as %j", (text, folded) => {
  expect(fold(text)).toBe(folded);
});
