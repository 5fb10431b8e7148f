/** Scenarios that need a cluster of their own, each as small as it can be: it runs, does its work, and tells what it is there to tell. */
import { expect, it } from "vitest";
import { clusterHoldRush } from "./cluster-hold-rush.ts";
import { clusterRestHold } from "./cluster-rest-hold.ts";
import { clusterViewerFanout } from "./cluster-viewer-fanout.ts";
import { ENGINE_CPU_SECOND } from "./hold-rush.ts";
import { positive, RUN_TIMEOUT_MS, smallRuns } from "./testing/small-runs.ts";

const run = smallRuns();

it.each([
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
])(
  "$scenario.name",
  async ({ scenario, figures, latencies }) => {
    expect(await run(scenario)).toMatchObject({ rounds: [{ count: positive, figures, latencies }] });
  },
  RUN_TIMEOUT_MS,
);
