import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

/** A fresh process, where the clocks are read for the first time. */
const PROGRAM = `
  import { monotonicNow } from "./bench/load/monotonic.ts";
  const machine = () => Number(process.hrtime.bigint()) / 1e6;
  const readings = Array.from({ length: 100 }, () => [machine(), monotonicNow(), machine()]);
  console.log(JSON.stringify(readings.sort((a, b) => a[2] - a[0] - (b[2] - b[0]))[0]));`;

/** Milliseconds: less than any server needs to answer. */
const TOLERANCE = 0.05;

it("processes agree on what time it is", () => {
  const args = ["--import", "./tools/typescript.mjs", "--input-type=module", "--eval", PROGRAM];
  const [before, now, after] = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as number[]; // As printed.
  expect(now).toBeGreaterThan((before ?? NaN) - TOLERANCE);
  expect(now).toBeLessThan((after ?? NaN) + TOLERANCE);
});
