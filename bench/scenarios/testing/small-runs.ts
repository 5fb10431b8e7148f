/** One scenario as `npm run bench` runs it, as small as it can be. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { prepared } from "../../../platform/testing/prepared.ts";
import { bench } from "../../main.ts";
import type { Results, SubjectResult } from "../../runner/results.ts";
import type { Scenario } from "../../runner/scenario.ts";

const ROOT = new URL("../../../", import.meta.url);
const PLACE = { root: ROOT, worker: new URL("dist/bench/load/worker.js", ROOT) };
export const RUN_TIMEOUT_MS = 240_000;

export const positive: unknown = expect.toSatisfy((value: number) => value > 0);

/**
 * To be called at the head of a file. What it returns takes one round with sixteen connections, of the first subject of the first case: with fewer
 * showtimes an engine may have none of them. Two seconds, so that a purchase comes to its end in them.
 */
export function smallRuns(): (scenario: Scenario) => Promise<SubjectResult | undefined> {
  let out: string;
  let complained: string[];

  beforeAll(prepared);

  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), "usher-bench-test-"));
    complained = [];
    vi.spyOn(console, "log").mockReturnValue();
    vi.spyOn(console, "error").mockImplementation((line: unknown) => void complained.push(String(line)));
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(out, { recursive: true, force: true });
  });

  return async (scenario) => {
    const first: Scenario = {
      ...scenario,
      *cases(context) {
        for (const one of [...scenario.cases(context)].slice(0, 1))
          yield { ...one, subjects: one.subjects.slice(0, 1) };
      },
    };
    const args = ["--peer", "none", "--seconds", "2", "--rounds", "1", "--connections", "16"];
    const code = await bench([...args, "--out", out], PLACE, [first]);
    expect([code, complained]).toEqual([0, []]);
    const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results; // Just written.
    return results.scenarios[0]?.cases[0]?.subjects[0];
  };
}
