/** What it costs to show every change to every viewer, and how long it takes until the last one sees it. */
import type { Case, Scenario, ScenarioContext } from "../runner/scenario.ts";
import { secondsOf, type Settings } from "../runner/settings.ts";
import { usualConnections } from "../stage/machine-limits.ts";
import { BUYERS, JUDGED_BY_CPU, startFanOut } from "./parts/fan-out.ts";
import { subjectsOf } from "./parts/subjects.ts";

const VIEWERS = 5_000;
export const CHANGES_PER_SECOND = 200;
/** With the buyers as many as one edge with 20,000 file descriptors lets in. */
const MANY_VIEWERS = 18_000 - BUYERS;
const FEW_CHANGES_PER_SECOND = 100;
/** A frame each: what a full edge needs to show one change, where no other waits behind it. */
const LONE_CHANGES_PER_SECOND = 4;
/** Some forty changes a round: what is called the p99 of so few is the slowest. */
const LONE_SECONDS = 10;

export const viewerFanout: Scenario = {
  name: "viewer-fanout",
  about:
    "seat changes shown to 5,000 viewers, a server CPU second, and to 18,000: how long until the last one has seen it",
  *cases(context) {
    const { settings } = context;
    // At a rate that was asked for they would come more at a time.
    const hasLoneChanges = settings.rate === undefined;
    yield crowd(context, CHANGES_PER_SECOND, secondsOf(settings));
    if (hasLoneChanges) yield alone(context);
    yield fullEdge(context, "a full edge", FEW_CHANGES_PER_SECOND, secondsOf(settings));
    if (hasLoneChanges) {
      const seconds = secondsOf(settings, LONE_SECONDS);
      yield fullEdge(context, "a full edge, one change at a time", LONE_CHANGES_PER_SECOND, seconds);
    }
  },
};

/** Who paces itself sends the fewer frames the more each costs it. Here everybody sends the same: what a frame costs is left. */
const alone = (context: ScenarioContext): Case => {
  const one = crowd(context, LONE_CHANGES_PER_SECOND, secondsOf(context.settings, LONE_SECONDS));
  return { ...one, name: `${one.name}, one change at a time` };
};

function crowd({ settings }: ScenarioContext, usualRate: number, seconds: number): Case {
  const { connections: viewers, note } = viewersOf(settings);
  const changesPerSecond = settings.rate ?? usualRate;
  return {
    name: `${viewers} viewers`,
    load: `${viewers} viewers${note} of one hall of 20,000 seats, ${changesPerSecond} changes/s by schedule`,
    unit: "seat changes",
    judgedBy: JUDGED_BY_CPU,
    subjects: subjectsOf(
      "viewer-fanout",
      settings,
      ["bare-publish"],
      (start) => (stage) => startFanOut(start, stage, { viewers, changesPerSecond, seconds }),
    ),
  };
}

/** Usher and its limit alone: peers are compared where all of them can keep up. */
function fullEdge({ settings }: ScenarioContext, name: string, usualRate: number, seconds: number): Case {
  const { connections: viewers, note } = viewersOf(settings, MANY_VIEWERS);
  const changesPerSecond = settings.rate ?? usualRate;
  return {
    name,
    load: `${viewers} viewers${note} of one hall of 20,000 seats, ${changesPerSecond} changes/s by schedule`,
    unit: "seat changes",
    judgedBy: { figure: "p99 to the last viewer, ms", unit: "ms", better: "less" },
    subjects: subjectsOf(
      undefined,
      settings,
      ["bare-publish"],
      (start) => (stage) => startFanOut(start, stage, { viewers, changesPerSecond, seconds }),
    ),
  };
}

/** With buyers beside them. */
export const viewersOf = ({ connections }: Settings, own = VIEWERS): ReturnType<typeof usualConnections> =>
  connections === undefined ? usualConnections(own, BUYERS) : { connections, note: "" };
