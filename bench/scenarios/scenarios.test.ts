/** Scenarios that need servers of their own, each as small as it can be: it runs, does its work, and tells what it is there to tell. */
import { expect, it } from "vitest";
import type { ScenarioContext } from "../runner/scenario.ts";
import { clusterHoldRush } from "./cluster-hold-rush.ts";
import { clusterRestHold } from "./cluster-rest-hold.ts";
import { clusterViewerFanout } from "./cluster-viewer-fanout.ts";
import { ENGINE_CPU_SECOND, holdRush } from "./hold-rush.ts";
import { loginStorm } from "./login-storm.ts";
import { purchase } from "./purchase.ts";
import { slowReaders } from "./slow-readers.ts";
import { positive, RUN_TIMEOUT_MS, smallRuns } from "./testing/small-runs.ts";

const run = smallRuns();

it.each([
  {
    scenario: loginStorm,
    figures: { "page p99 in the calm, ms": positive, "page p99 in the storm, ms": positive },
    latencies: { latency: expect.anything(), page: expect.anything() },
  },
  // The bare loop: limits come first.
  { scenario: holdRush, figures: { "done a server CPU s": positive }, latencies: { latency: expect.anything() } },
  { scenario: purchase, figures: { "statements a purchase": positive }, latencies: { latency: expect.anything() } },
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
