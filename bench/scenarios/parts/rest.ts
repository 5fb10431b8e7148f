/** REST: one round of a list of requests, for the scenarios that have one. Closed by autocannon, and at a steady rate. */
import type { HttpLoadOptions } from "../../load/http-load.ts";
import type { HttpRequest } from "../../load/http-request.ts";
import type { SteadyLoadOptions } from "../../load/steady-load.ts";
import { latencyOf } from "../../runner/latency.ts";
import { measure, perRoleCpu, perServerCpu, withFigures } from "../../runner/measure.ts";
import type { Case, ScenarioContext, Subject, SubjectPlan } from "../../runner/scenario.ts";
import type { PeerScenario } from "../../peer.ts";
import { secondsOf } from "../../runner/settings.ts";
import type { Stage } from "../../stage/stage.ts";
import { type Hall, MULTIPLEX, type Target } from "../../stage/targets.ts";
import { type StartTarget, subjectsOf } from "./subjects.ts";

export const CONNECTIONS = 50;
/** Against which a steady rate is set: the slowest that does the same work. */
const STEADY_PEER = "nest-express";
const STEADY_RATE = 1_000;
/** One answer in a thousand is few in a short round. */
const STEADY_SECONDS = 10;
const P999 = "p99.9, ms";

/** How each is measured, once it is told how to start. */
type Plan = (start: StartTarget) => SubjectPlan["start"];

export interface RestWork {
  readonly name: string;
  readonly scenario: PeerScenario;
  /** Whether each connection is another buyer. */
  readonly signedIn: boolean;
  /** Where; an ordinary hall if it is left out. */
  readonly hall?: Hall;
  requests(target: Target): readonly HttpRequest[];
}

/** @param subjects who takes part, if not Usher and the peers that do this work */
export function restCase(
  { settings }: ScenarioContext,
  work: RestWork,
  subjects: (plan: Plan) => readonly SubjectPlan[] = (plan) => subjectsOf(work.scenario, settings, [], plan),
): Case {
  const connections = settings.connections ?? CONNECTIONS;
  return {
    name: work.name,
    load: `closed loop, ${connections} connections with one request in flight each, over HTTP/1.1 kept alive`,
    unit: "requests",
    subjects: subjects(
      (start) => (stage) => startRest(start, stage, work, { connections, seconds: secondsOf(settings) }),
    ),
  };
}

/**
 * The same at half of what NestJS on Express can do at its best, where latencies can be compared; without it, at half of Usher's best. A rate that
 * was asked for is taken instead.
 */
export function steadyCase({ settings, rateOf }: ScenarioContext, work: RestWork): Case {
  const { rate, connections = CONNECTIONS } = settings;
  const whose = [STEADY_PEER, "usher"].find((name) => rateOf(work.scenario, work.name, name) !== undefined);
  const best = whose === undefined ? undefined : rateOf(work.scenario, work.name, whose);
  const perSecond = rate ?? (best === undefined ? STEADY_RATE : Math.max(1, Math.round(best / 2)));
  const why = best === undefined || rate !== undefined ? "" : `, half of the best of ${whose}`;
  return {
    name: `${work.name}, steady rate`,
    load: `open loop, ${perSecond} requests/s${why}, ${connections} connections over HTTP/1.1 kept alive`,
    unit: "requests",
    judgedBy: { figure: P999, unit: "ms at p99.9", better: "less" },
    subjects: subjectsOf(
      work.scenario,
      settings,
      [],
      (start) => (stage) =>
        startRest(start, stage, work, { connections, seconds: secondsOf(settings, STEADY_SECONDS), perSecond }),
    ),
  };
}

interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** As fast as it goes if it is left out. */
  readonly perSecond?: number;
}

async function startRest(startTarget: StartTarget, stage: Stage, work: RestWork, how: Load): Promise<Subject> {
  const { connections, seconds, perSecond } = how;
  const target = await startTarget(stage, work.hall ?? MULTIPLEX);
  const tokens = work.signedIn ? await target.tokens(connections) : [];
  const options = { url: target.http, connections, requests: work.requests(target), tokens };
  const generator = await (perSecond === undefined ? closed(stage, options) : steady(stage, { ...options, perSecond }));
  const { load } = generator;
  return {
    async round() {
      await load.begin();
      const { pids: serverPids, roles } = target;
      const measured = await measure({ stage, seconds, serverPids, roles, clientPids: [generator.pid], loads: [load] });
      await load.end();
      const { bytes } = measured.sample.figures;
      const { latency = "" } = measured.sample.histograms;
      return withFigures(measured, {
        ...perServerCpu(measured),
        ...perRoleCpu(measured),
        ...(bytes !== undefined && { "bytes an answer": bytes / Math.max(1, measured.sample.count) }),
        ...(perSecond !== undefined && { [P999]: latencyOf(latency).percentiles["p99.9"] }),
      });
    },
    async stop() {
      await generator.stop();
      await target.stop();
    },
  };
}

async function closed(stage: Stage, options: HttpLoadOptions) {
  const generator = stage.generator("http");
  await generator.load.open(options);
  return generator;
}

async function steady(stage: Stage, options: SteadyLoadOptions) {
  const generator = stage.generator("steady");
  await generator.load.open(options);
  return generator;
}
