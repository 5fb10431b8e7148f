/**
 * Buyers who hold three seats and release them, again and again, each on seats of his own: every hold and every release is one durable
 * command. In one case five want the same seats, and most of them are refused. Beside the bare loop, and beside peers that keep seats elsewhere.
 */
import { latencyOf } from "../runner/latency.ts";
import { measure, perRoleCpu, perServerCpu, sumOf, withFigures } from "../runner/measure.ts";
import type { Case, Measured, Scenario, ScenarioContext, Subject } from "../runner/scenario.ts";
import type { Pace } from "../load/command-load.ts";
import { BenchError } from "../bench-error.ts";
import { secondsOf, type Settings } from "../runner/settings.ts";
import { usualConnections } from "../stage/machine-limits.ts";
import type { Stage } from "../stage/stage.ts";
import { ARENA, type Hall, MULTIPLEX } from "../stage/targets.ts";
import { createCrowd } from "./parts/crowd.ts";
import { type StartTarget, subjectsOf } from "./parts/subjects.ts";

const CONNECTIONS = 500;
const SEATS_A_HOLD = 3;
/** Commands under way on a connection that serves many, such as a partner's box office; a buyer waits for his one answer. */
const MANY_IN_FLIGHT = 8;
/** Who want the same seats, where a premiere is fought over. */
const RIVALS = 5;
/** Against which the rate of the steady case is set. */
const STEADY_PEER = "postgres-for-update";
const STEADY_RATE = 2_000;
/** One answer in a thousand is few in a short round. */
const STEADY_SECONDS = 10;
const P999 = "p99.9, ms";

export const holdRush: Scenario = {
  name: "hold-rush",
  about:
    "durable holds and releases a second through WebSocket: one hot showtime (also with 8 commands in flight on each connection, and with five buyers for each seat), 100 showtimes, and at a steady rate",
  *cases(context) {
    const { inFlight } = context.settings;
    const { connections } = buyersOf(context.settings);
    for (const hall of [ARENA, MULTIPLEX]) requireSeats(hall, connections, inFlight);
    yield rush(context, "one hot showtime", ARENA, inFlight);
    const many = Math.min(MANY_IN_FLIGHT, Math.floor(ARENA.seats / (connections * SEATS_A_HOLD)));
    if (many > inFlight) yield rush(context, `one hot showtime, ${many} in flight`, ARENA, many);
    yield contended(context);
    yield rush(context, "100 showtimes", MULTIPLEX, inFlight);
    yield steady(context);
  },
};

function rush({ settings }: ScenarioContext, name: string, hall: Hall, inFlight: number, rivals = 1): Case {
  const { connections, note } = buyersOf(settings);
  return {
    name,
    load: `closed loop, ${connections} connections${note} with ${inFlight} in flight each, ${SEATS_A_HOLD} seats a hold`,
    unit: "commands",
    subjects: subjectsOf(
      "hold-rush",
      settings,
      ["bare-loop"],
      (start) => (stage) =>
        startRush(start, stage, hall, {
          connections,
          slots: inFlight,
          seconds: secondsOf(settings),
          pace: { kind: "closed" },
          rivals,
        }),
    ),
  };
}

/** Most commands are refused: an answer counts, whichever it is. The bare loop refuses nobody, which is less to do. */
function contended(context: ScenarioContext): Case {
  const { inFlight } = context.settings;
  const { connections, note } = buyersOf(context.settings);
  return {
    ...rush(context, "one hot showtime, five want each seat", ARENA, inFlight, RIVALS),
    load: `closed loop, ${connections} connections${note} with ${inFlight} in flight each, ${SEATS_A_HOLD} seats a hold, and ${RIVALS} buyers for each; refusals are answers too, and the bare loop refuses nobody`,
    unit: "answers",
  };
}

/** At half of what the transaction with row locks can do at its best: there latencies can be compared. */
function steady({ settings, rateOf }: ScenarioContext): Case {
  const best = rateOf("hold-rush", "one hot showtime", STEADY_PEER);
  const perSecond = settings.rate ?? (best === undefined ? STEADY_RATE : Math.round(best / 2));
  const { connections, note } = buyersOf(settings);
  const why = best === undefined || settings.rate !== undefined ? "" : `, half of the best of ${STEADY_PEER}`;
  return {
    name: "steady rate",
    load: `open loop, ${perSecond} commands/s${why}, ${connections} connections${note}, ${SEATS_A_HOLD} seats a hold`,
    unit: "commands",
    judgedBy: { figure: P999, unit: "ms at p99.9", better: "less" },
    subjects: subjectsOf(
      "hold-rush",
      settings,
      ["bare-loop"],
      (start) => (stage) =>
        startRush(start, stage, ARENA, {
          connections,
          slots: 1,
          seconds: secondsOf(settings, STEADY_SECONDS),
          pace: { kind: "open", perSecond },
        }),
    ),
  };
}

/** Each has a connection. @param times as many as there are usually */
export function buyersOf({ connections }: Settings, times = 1): ReturnType<typeof usualConnections> {
  if (connections !== undefined) return { connections: connections * times, note: "" };
  return usualConnections(CONNECTIONS * times);
}

interface Rush {
  readonly connections: number;
  readonly slots: number;
  readonly seconds: number;
  readonly pace: Pace;
  /** How many want the same seats; 1 if it is left out. */
  readonly rivals?: number;
}

export async function startRush(
  startTarget: StartTarget,
  stage: Stage,
  hall: Hall,
  { connections, slots, seconds, pace, rivals = 1 }: Rush,
): Promise<Subject> {
  requireSeats(hall, connections, slots);
  const crowd = createCrowd(stage, connections);
  const target = await startTarget(stage, hall);
  return {
    async round() {
      const { dialect, port, showtimes } = target;
      const tokens = await target.tokens(connections);
      await crowd.open({ dialect, port, showtimes, tokens, slots, seatsAHold: SEATS_A_HOLD, rivals });
      await crowd.begin(pace);
      const { pids: serverPids, roles } = target;
      const { pids: clientPids, loads } = crowd;
      const measured = withAnswers(await measure({ stage, seconds, serverPids, roles, clientPids, loads }));
      await crowd.end();
      const { latency = "" } = measured.sample.histograms;
      const tail = pace.kind === "open" ? { [P999]: latencyOf(latency).percentiles["p99.9"] } : {};
      return withFigures(measured, {
        ...tail,
        ...perServerCpu(measured),
        ...perEngineCpu(measured),
        ...perRoleCpu(measured),
        ...measured.sample.figures,
      });
    },
    async stop() {
      await crowd.stop();
      await target.stop();
    },
  };
}

/** A refusal is an answer as well. Where nobody wants another's seat there is none. */
const withAnswers = (measured: Measured): Measured => {
  const { sample } = measured;
  return { ...measured, sample: { ...sample, count: sample.count + sample.refused } };
};

/** @throws BenchError when two buyers would want the same seat. */
function requireSeats(hall: Hall, connections: number, slots: number): void {
  const seats = Math.ceil(connections / hall.showtimes) * slots * SEATS_A_HOLD;
  if (seats > hall.seats) {
    throw new BenchError(
      `${connections} connections with ${slots} in flight need ${seats} seats in each showtime, and there are ${hall.seats}: use fewer.`,
    );
  }
}

/** What engines of their own carry out while each of them spends a CPU second, the mean of them and the busiest. */
export const ENGINE_CPU_SECOND = "commands/s with a core an engine";
const perEngineCpu = ({ sample: { count }, roles: { engine: engines } = {} }: Measured): Record<string, number> => {
  if (engines === undefined) return {};
  const sum = sumOf(engines);
  return {
    [ENGINE_CPU_SECOND]: count / (sum / engines.length),
    "an engine CPU s": count / sum,
    "busiest engine's share, %": (100 * Math.max(...engines)) / sum,
  };
};
