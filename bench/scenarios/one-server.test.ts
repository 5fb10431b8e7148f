/** Scenarios that can share one server: a small round of each, so that none rots unseen. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { prepared } from "../../platform/testing/prepared.ts";
import type { Scenario, ScenarioContext } from "../runner/scenario.ts";
import type { Settings } from "../runner/settings.ts";
import type { ServerProcess } from "../stage/server-process.ts";
import { openStage, type Stage } from "../stage/stage.ts";
import { browse } from "./browse.ts";
import { COST, growth } from "./growth.ts";
import { kioskSoak } from "./kiosk-soak.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { restHold } from "./rest-hold.ts";
import { showtime } from "./showtime.ts";
import { viewerFanout } from "./viewer-fanout.ts";
import { wire } from "./wire.ts";

const ROOT = new URL("../../", import.meta.url);
const RUN_TIMEOUT_MS = 120_000;

const SMALL: Settings = {
  only: undefined,
  peers: [],
  seconds: 1,
  rounds: 1,
  connections: 4,
  inFlight: 1,
  rate: undefined,
  out: "",
  profile: false,
};

let stage: Stage;
/** Where the first server that is started is every other one too. */
let shared: Stage;

beforeAll(async () => {
  await prepared();
  stage = await openStage({ root: ROOT, worker: new URL("dist/bench/load/worker.js", ROOT) });
  let database: Promise<string> | undefined;
  let server: Promise<ServerProcess> | undefined;
  shared = {
    ...stage,
    database: () => (database ??= stage.database()),
    start: async (command) => ({ ...(await (server ??= stage.start(command))), stop: () => Promise.resolve() }),
  };
}, RUN_TIMEOUT_MS);

afterAll(() => stage.close());

/** A round of Usher in its first case: something is measured, and nothing is refused. */
async function runs(
  scenario: Scenario,
  figures: Readonly<Record<string, unknown>>,
  on = shared,
  others: object = {},
): Promise<void> {
  const [one] = scenario.cases({ settings: SMALL, rateOf: () => undefined });
  const plan = one?.subjects.find(({ kind }) => kind === "usher");
  const subject = await plan?.start(on);
  try {
    expect(await subject?.round(1)).toMatchObject({ sample: { count: positive, refused: 0, figures }, ...others });
  } finally {
    await subject?.stop();
  }
}

/** Its second case: the one before it is closed. */
const steadyOf = (scenario: Scenario): Scenario => ({
  ...scenario,
  cases: (context: ScenarioContext) => [...scenario.cases(context)].slice(1),
});

const positive: unknown = expect.toSatisfy((value: number) => value > 0);
const aNumber: unknown = expect.toSatisfy(Number.isFinite);

it.concurrent.each([
  { scenario: wire, figures: { bytes: positive } },
  { scenario: viewerFanout, figures: { "frames/s a viewer": positive } },
  { scenario: reconnectStorm, figures: { "all back after, ms": positive } },
  {
    scenario: kioskSoak,
    figures: { "bytes a viewer": aNumber, "after the soak": aNumber, "connected/s": positive },
    // When the soak begins, and a second later.
    others: { level: { name: "Resident bytes a viewer", values: [aNumber, aNumber] } },
  },
  { scenario: browse, figures: { "bytes an answer": positive } },
  { scenario: showtime, figures: { "bytes an answer": positive } },
  { scenario: steadyOf(showtime), figures: { "p99.9, ms": positive } },
])("$scenario.name", ({ scenario, figures, others }) => runs(scenario, figures, shared, others), RUN_TIMEOUT_MS);

// Alone, since it wants seats that others have.
it("rest-hold", () => runs(restHold, { "bytes an answer": positive }), RUN_TIMEOUT_MS);
// With servers of their own, since some of those seats are still held.
it("rest-hold, steady rate", () => runs(steadyOf(restHold), { "p99.9, ms": positive }, stage), RUN_TIMEOUT_MS);
it("growth", () => runs(growth, { [COST]: positive }, stage), RUN_TIMEOUT_MS);
