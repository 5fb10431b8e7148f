/** Scenarios on a machine that lets a process have 10,000 file descriptors. */
import { expect, it, vi } from "vitest";
import type { ScenarioContext } from "../runner/scenario.ts";
import { parseRequest } from "../runner/settings.ts";
import { requireConnections } from "../stage/machine-limits.ts";
import { kioskSoak } from "./kiosk-soak.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { viewerFanout } from "./viewer-fanout.ts";

vi.mock("node:child_process", async (original) => ({ ...(await original<object>()), execFileSync: () => "10000\n" }));
vi.mock("node:os", async (original) => ({ ...(await original<object>()), freemem: () => 64 * 1024 ** 3 }));

function contextOf(...args: string[]): ScenarioContext {
  const request = parseRequest(args);
  if (request.kind !== "run") throw new Error("no run");
  return { settings: { ...request.settings, peers: [] }, rateOf: () => undefined };
}

it("lets a scenario have as many viewers as the machine bears where its own are more, and says so", () => {
  const cases = [viewerFanout, kioskSoak, reconnectStorm].flatMap((scenario) => [...scenario.cases(contextOf())]);
  const loads = cases.map(({ load }) => load);
  expect(loads).toEqual([
    expect.stringMatching(/^5000 viewers of /),
    expect.stringMatching(/^8960 viewers \(as many as this machine bears: 17960 are usual\) of /),
    expect.stringMatching(/^8960 viewers \(as many as this machine bears: 17960 are usual\) of /),
    expect.stringMatching(/^6000 idle viewers \(as many as this machine bears: 10000 are usual\) of /),
    expect.stringMatching(/^all 5000 connect /),
  ]);
  expect(() => requireConnections(8_960, 40)).not.toThrow();
});

it("still refuses as many when they are asked for", () => {
  const [, fullEdge] = viewerFanout.cases(contextOf("--connections", "17960"));
  expect(fullEdge?.load).toMatch(/^17960 viewers of /);
  expect(() => requireConnections(17_960)).toThrow(/use --connections 9000 at most\.$/);
});
