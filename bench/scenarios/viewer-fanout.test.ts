import { expect, it } from "vitest";
import { parseRequest } from "../runner/settings.ts";
import { viewerFanout } from "./viewer-fanout.ts";

function casesWith(...args: readonly string[]): string[] {
  const request = parseRequest(["--connections", "7", ...args]);
  if (request.kind !== "run") throw new Error("no run");
  const cases = [...viewerFanout.cases({ settings: request.settings, rateOf: () => undefined })];
  return cases.map(({ name, load }) => `${name}: ${/\S+ changes\/s/.exec(load)?.[0]}`);
}

it("has one change at a time where changes come one at a time, and not at a rate that was asked for", () => {
  expect(casesWith()).toEqual([
    "7 viewers: 200 changes/s",
    "7 viewers, one change at a time: 4 changes/s",
    "a full edge: 100 changes/s",
    "a full edge, one change at a time: 4 changes/s",
  ]);
  expect(casesWith("--rate", "50")).toEqual(["7 viewers: 50 changes/s", "a full edge: 50 changes/s"]);
});
