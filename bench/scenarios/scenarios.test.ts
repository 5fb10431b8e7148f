/** Scenarios that need servers of their own, each as small as it can be: it runs, does its work, and tells what it is there to tell. */
import { expect, it } from "vitest";
import type { ScenarioContext } from "../runner/scenario.ts";
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
  { scenario: purchase, figures: { "statements a purchase": positive }, latencies: { latency: expect.anything() } },
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
