/** Scenarios on a machine that lets a process have so many file descriptors: 10,000, unless a test says otherwise. */
import { afterEach, expect, it, vi } from "vitest";
import type { ScenarioContext } from "../runner/scenario.ts";
import { parseRequest } from "../runner/settings.ts";
import { requireConnections } from "../stage/machine-limits.ts";
import { clusterHoldRush } from "./cluster-hold-rush.ts";
import { clusterViewerFanout } from "./cluster-viewer-fanout.ts";
import { growth } from "./growth.ts";
import { holdRush } from "./hold-rush.ts";
import { kioskSoak } from "./kiosk-soak.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { slowReaders } from "./slow-readers.ts";
import { viewerFanout } from "./viewer-fanout.ts";

const descriptors = vi.hoisted(() => ({ max: 10_000 }));
vi.mock("node:child_process", async (original) => ({
  ...(await original<object>()),
  execFileSync: () => `${descriptors.max}\n`,
}));
vi.mock("node:os", async (original) => ({ ...(await original<object>()), freemem: () => 64 * 1024 ** 3 }));

function contextOf(...args: string[]): ScenarioContext {
  const request = parseRequest(args);
  if (request.kind !== "run") throw new Error("no run");
  return { settings: { ...request.settings, peers: [] }, rateOf: () => undefined };
}

afterEach(() => void (descriptors.max = 10_000));

it("lets a scenario have as many viewers as the machine bears where its own are more, and says so", () => {
  const cases = [viewerFanout, kioskSoak, reconnectStorm].flatMap((scenario) => [...scenario.cases(contextOf())]);
  const loads = cases.map(({ load }) => load);
  expect(loads).toEqual([
    expect.stringMatching(/^5000 viewers of /),
    expect.stringMatching(/^5000 viewers of /),
    expect.stringMatching(/^8960 viewers \(as many as this machine bears: 17960 are usual\) of /),
    expect.stringMatching(/^8960 viewers \(as many as this machine bears: 17960 are usual\) of /),
    expect.stringMatching(/^6923 idle viewers \(as many as this machine bears: 10000 are usual\) of .* beside 2077 /),
    expect.stringMatching(/^all 5000 connect /),
  ]);
  expect(() => requireConnections(8_960, 40)).not.toThrow();
  expect(() => requireConnections(6_923, 2_077)).not.toThrow();
});

it("still refuses as many when they are asked for", () => {
  const [, , fullEdge] = viewerFanout.cases(contextOf("--connections", "17960"));
  expect(fullEdge?.load).toMatch(/^17960 viewers of /);
  expect(() => requireConnections(17_960)).toThrow(/use --connections 9000 at most\.$/);
});

it("lets buyers, too, and the viewers of two edges be as few as a small machine bears", () => {
  descriptors.max = 400;
  const loads = [holdRush, clusterHoldRush, clusterViewerFanout, slowReaders].map((scenario) =>
    [...scenario.cases(contextOf())].map(({ load }) => load),
  );
  const [idle] = kioskSoak.cases(contextOf());
  const all = [...growth.cases(contextOf())].map(({ load }) => load).filter((load) => load.includes(" connections"));
  const note = (usual: number): string => `(as many as this machine bears: ${usual} are usual)`;
  expect(loads).toEqual([
    Array(5).fill(expect.stringContaining(`, 360 connections ${note(500)}`)),
    Array(2).fill(expect.stringContaining(", 180 connections")),
    [expect.stringContaining(`320 viewers ${note(5_000)} of `)],
    Array(2).fill(expect.stringContaining(`320 viewers ${note(2_000)} of `)),
  ]);
  expect(idle?.load).toMatch(/^276 idle viewers .* beside 84 /);
  expect(() => requireConnections(276, 84)).not.toThrow();
  expect(all).toEqual(Array(3).fill(expect.stringContaining(" 360 connections")));
});
