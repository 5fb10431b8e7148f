import { expect, it } from "vitest";
import { parseRequest } from "../runner/settings.ts";
import { growth } from "./growth.ts";

it("has an axis for each thing that grows, whose open loads are parts of what a showtime took before", () => {
  const request = parseRequest(["--connections", "7000"]);
  if (request.kind !== "run") throw new Error("no run");
  const cases = [...growth.cases({ settings: request.settings, rateOf: () => 24_000 })];
  expect(
    cases.flatMap(({ axis, subjects }) => (axis === undefined ? [] : [[axis, subjects.map(({ at }) => at)]])),
  ).toEqual([
    ["viewers", [1_000, 5_000, 7_000]],
    ["commands/s", [3_000, 6_000, 12_000]],
    ["seats", [96, 480, 5_000, 20_000]],
    ["seats", [96, 480, 5_000, 20_000]],
    ["seats", [96, 480, 5_000, 20_000]],
    ["showtimes", [100, 1_000, 10_000]],
    ["shards", [1, 16, 64, 256]],
  ]);
});
