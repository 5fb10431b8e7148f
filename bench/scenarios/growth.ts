/** How cost grows. Each case is an axis and each of its subjects a point on it, judged by what the server's CPU spends on one piece of the work. */
import type { EngineLoadOptions } from "../engine/engine-load.ts";
import { startsWith } from "../engine/recovery.ts";
import { withFigures } from "../runner/measure.ts";
import type { Case, Measured, Scenario, ScenarioContext, Subject, SubjectPlan } from "../runner/scenario.ts";
import { secondsOf, type Settings } from "../runner/settings.ts";
import { usualConnections } from "../stage/machine-limits.ts";
import type { Stage } from "../stage/stage.ts";
import { ARENA, type Hall, MULTIPLEX, startUsher } from "../stage/targets.ts";
import { startWarm } from "./parts/engine-alone.ts";
import { BUYERS, startFanOut } from "./parts/fan-out.ts";
import { buyersOf, startRush } from "./hold-rush.ts";
import { type StartTarget, subjectsOf } from "./parts/subjects.ts";
import { snapshotFrames } from "./wire.ts";

export const COST = "server CPU µs each";
const NAME = "growth";
const VIEWERS = [1_000, 5_000, 10_000];
/** With the buyers as many as one edge with 20,000 file descriptors lets in. */
const MOST_VIEWERS = 18_000 - BUYERS;
/** So few that a full edge keeps up. */
const CHANGES_PER_SECOND = 100;
/** Its rate is what the rates of open loads are parts of. */
const BEST = "the most commands that one showtime takes";
const PARTS = [8, 4, 2];
const SEATS = [96, 480, 5_000, 20_000];
/** Shares of a recovery's usual size: 100, 1,000 and 10,000 showtimes. */
const SHOWTIME_SHARES = [0.01, 0.1, 1];
const SHARDS = [1, 16, 64, 256];

export const growth: Scenario = {
  name: NAME,
  about: "how the server's CPU time for one piece of work grows with viewers, holds/s, seats a hall, showtimes, shards",
  *cases(context) {
    const { settings } = context;
    yield viewers(settings);
    yield most(settings);
    const best = bestOf(context);
    yield holds(settings, best);
    yield hallsOf(settings, "seats named", "three seats that are named, held and released");
    yield hallsOf(settings, "best available", "the best three, held and released in a hall of which half is held");
    yield snapshots();
    yield showtimes(settings);
    yield shards(settings, best);
  },
};

function viewers(settings: Settings): Case {
  const { connections: all, note } =
    settings.connections === undefined
      ? usualConnections(MOST_VIEWERS, BUYERS)
      : { connections: settings.connections, note: "" };
  const changesPerSecond = settings.rate ?? CHANGES_PER_SECOND;
  return {
    name: "viewers",
    load: `up to ${all} viewers${note} of one hall of 20,000 seats, ${changesPerSecond} changes/s by schedule`,
    unit: "seat changes delivered",
    judgedBy: costOf("seat change delivered to a viewer"),
    axis: "viewers",
    subjects: [...VIEWERS.filter((count) => count < all), all].map((count) =>
      point(count, "viewers", (stage) =>
        startFanOut(startUsher, stage, { viewers: count, changesPerSecond, seconds: secondsOf(settings) }),
      ),
    ),
  };
}

const most = (settings: Settings): Case => ({
  name: BEST,
  load: `closed loop, ${connectionsOf(settings)} connections with 1 in flight each`,
  unit: "commands",
  subjects: subjectsOf(undefined, settings, [], (start) => (stage) => rush(settings, start, stage, ARENA)),
});

const bestOf = ({ rateOf }: ScenarioContext): number => rateOf(NAME, BEST, "usher") ?? Number.NaN; // It has run by now.

const holds = (settings: Settings, best: number): Case => ({
  name: "holds a second",
  load: `open loop, an eighth, a quarter and half of ${Math.round(best)} commands/s, ${connectionsOf(settings)} connections, one showtime`,
  unit: "commands",
  judgedBy: costOf("command"),
  axis: "commands/s",
  subjects: PARTS.map((part) => {
    const perSecond = Math.max(1, Math.round(best / part));
    return point(perSecond, "commands/s", (stage) => rush(settings, startUsher, stage, ARENA, perSecond));
  }),
});

const hallsOf = (settings: Settings, choice: "seats named" | "best available", load: string): Case => ({
  name: `seats a hall, ${choice}`,
  load: `the engine's core alone: ${load}`,
  unit: "decisions",
  judgedBy: costOf("decision"),
  axis: "seats",
  subjects: SEATS.map((seats) =>
    point(seats, "seats", (stage) =>
      alone(settings, stage, { group: "halls", work: `${choice}, ${seats} seats`, share: 1 }),
    ),
  ),
});

const snapshots = (): Case => ({
  name: "seats a hall, snapshots",
  load: "half of the seats held",
  unit: "frames",
  judgedBy: { figure: "bytes", unit: "bytes", better: "less" },
  axis: "seats",
  subjects: SEATS.map((seats) => ({ ...snapshotFrames(seats), ...named(seats, "seats") })),
});

const showtimes = (settings: Settings): Case => ({
  name: "showtimes",
  load: "an engine's start from its rows, halls of 96 seats on 64 shards, without an edge",
  unit: "showtimes",
  judgedBy: costOf("showtime"),
  axis: "showtimes",
  subjects: SHOWTIME_SHARES.map((share) => {
    const { showtimes: count, fromRows: work } = startsWith(share);
    return point(count, "showtimes", async (stage) =>
      alone(settings, stage, { group: "recovery", work, share, databaseUrl: await stage.database() }),
    );
  }),
});

function shards(settings: Settings, best: number): Case {
  const perSecond = Math.max(1, Math.round(best / 4));
  return {
    name: "shards",
    load: `open loop, ${perSecond} commands/s, ${connectionsOf(settings)} connections, ${MULTIPLEX.showtimes} showtimes`,
    unit: "commands",
    judgedBy: costOf("command"),
    axis: "shards",
    subjects: SHARDS.map((count) => {
      const start: StartTarget = (stage, hall) => startUsher(stage, hall, { SHARDS: String(count) });
      return point(count, "shards", (stage) => rush(settings, start, stage, MULTIPLEX, perSecond));
    }),
  };
}

const costOf = (one: string) => ({ figure: COST, unit: `µs of server CPU a ${one}`, better: "less" }) as const;

const named = (at: number, unit: string): Pick<SubjectPlan, "name" | "at"> => ({ name: `${at} ${unit}`, at });

const point = (at: number, unit: string, start: (stage: Stage) => Promise<Subject>): SubjectPlan => ({
  ...named(at, unit),
  kind: "usher",
  about: `Usher with ${at} ${unit}`,
  start: async (stage) => {
    const subject = await start(stage);
    return { ...subject, round: async (round) => withCost(await subject.round(round)) };
  },
});

const withCost = (measured: Measured): Measured => {
  const { cpu, sample } = measured;
  return cpu === undefined
    ? measured
    : withFigures(measured, { [COST]: (cpu.server * 1e6) / sample.count, ...sample.figures });
};

const alone = (settings: Settings, stage: Stage, options: EngineLoadOptions): Promise<Subject> =>
  startWarm(stage, options, secondsOf(settings, 1));

const connectionsOf = (settings: Settings): number => buyersOf(settings).connections;

const rush = (settings: Settings, start: StartTarget, stage: Stage, hall: Hall, perSecond?: number): Promise<Subject> =>
  startRush(start, stage, hall, {
    connections: connectionsOf(settings),
    slots: 1,
    seconds: secondsOf(settings),
    pace: perSecond === undefined ? { kind: "closed" } : { kind: "open", perSecond },
  });
