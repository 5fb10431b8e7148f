/** Scenarios that need whole servers, each as small as it can be: it runs, does its work, and tells what it is there to tell. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { bench } from "../main.ts";
import type { Results, SubjectResult } from "../runner/results.ts";
import type { Scenario, ScenarioContext } from "../runner/scenario.ts";
import { clusterHoldRush } from "./cluster-hold-rush.ts";
import { clusterRestHold } from "./cluster-rest-hold.ts";
import { clusterViewerFanout } from "./cluster-viewer-fanout.ts";
import { ENGINE_CPU_SECOND } from "./hold-rush.ts";
import { loginStorm } from "./login-storm.ts";
import { purchase } from "./purchase.ts";
import { slowReaders } from "./slow-readers.ts";
import { takeover } from "./takeover.ts";

const ROOT = new URL("../../", import.meta.url);
const PLACE = { root: ROOT, worker: new URL("../load/worker.ts", import.meta.url) };
const RUN_TIMEOUT_MS = 240_000;

let out: string;
let complained: string[];

/** Builds what is out of date. */
beforeAll(() => expect(spawnSync(process.execPath, ["bin/usher.mjs", "--version"], { cwd: ROOT }).status).toBe(0));

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

/**
 * One round with sixteen connections, of the first subject of the first case: with fewer showtimes an engine may have none of them. Two seconds,
 * since a change has one of them to reach the last viewer, and is not judged before.
 */
async function run(scenario: Scenario): Promise<SubjectResult | undefined> {
  const first: Scenario = {
    ...scenario,
    *cases(context) {
      for (const one of [...scenario.cases(context)].slice(0, 1)) yield { ...one, subjects: one.subjects.slice(0, 1) };
    },
  };
  const args = ["--peer", "none", "--seconds", "2", "--rounds", "1", "--connections", "16"];
  const code = await bench([...args, "--out", out], PLACE, [first]);
  expect([code, complained]).toEqual([0, []]);
  const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results; // Just written.
  return results.scenarios[0]?.cases[0]?.subjects[0];
}

const positive: unknown = expect.toSatisfy((value: number) => value > 0);

describe("scenarios of whole servers", () => {
  it.each([
    {
      scenario: loginStorm,
      figures: { "page p99 in the calm, ms": positive, "page p99 in the storm, ms": positive },
      latencies: { latency: expect.anything(), page: expect.anything() },
    },
    { scenario: purchase, figures: { "statements a purchase": positive }, latencies: { latency: expect.anything() } },
    {
      scenario: takeover,
      figures: { kills: positive, "p99 after a kill, ms": positive, "failed commands at hand-overs": 0 },
      latencies: { killed: expect.anything(), "handed over": expect.anything() },
    },
    {
      scenario: clusterHoldRush,
      figures: { [ENGINE_CPU_SECOND]: positive, "edge, CPU ms a 1,000": positive },
      latencies: { latency: expect.anything() },
    },
    {
      scenario: clusterRestHold,
      figures: { "services, CPU ms a 1,000": positive, "Redis, CPU ms a 1,000": expect.any(Number) },
      latencies: { latency: expect.anything() },
    },
    {
      scenario: clusterViewerFanout,
      figures: { "frames/s a viewer": positive, "edge, CPU s/s": positive },
      latencies: { lastViewer: expect.anything() },
    },
    {
      // The case before this one has no slow readers.
      scenario: { ...slowReaders, cases: (context: ScenarioContext) => [...slowReaders.cases(context)].slice(1) },
      figures: {
        "frames dropped": positive,
        "slow ones served again, ms": positive,
        "server MB before": positive,
        "server MB after": positive,
      },
      latencies: { lastViewer: expect.anything() },
    },
  ])(
    "$scenario.name",
    async ({ scenario, figures, latencies }) => {
      expect(await run(scenario)).toMatchObject({ rounds: [{ count: positive, figures, latencies }] });
    },
    RUN_TIMEOUT_MS,
  );
});
