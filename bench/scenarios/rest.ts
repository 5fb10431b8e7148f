/** REST: one round of a list of requests, for the scenarios that have one. Closed by autocannon, and pages at a steady rate too. */
import type { HttpRequest } from "../load/http-load.ts";
import { latencyOf } from "../runner/latency.ts";
import { measure, perRoleCpu, perServerCpu, withFigures } from "../runner/measure.ts";
import type { Case, ScenarioContext, Subject, SubjectPlan } from "../runner/scenario.ts";
import type { PeerScenario } from "../peer.ts";
import { secondsOf } from "../runner/settings.ts";
import type { Stage } from "../stage/stage.ts";
import { type Hall, MULTIPLEX, type Target } from "../stage/targets.ts";
import { type StartTarget, subjectsOf } from "./subjects.ts";

export const CONNECTIONS = 50;
/** Against which the rate of pages at a steady rate is set: the slowest that does the same work. */
const STEADY_PEER = "nest-express";
const STEADY_RATE = 1_000;
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
    subjects: subjects((start) => (stage) => startRest(start, stage, work, connections, secondsOf(settings))),
  };
}

export interface PageWork {
  readonly name: string;
  readonly scenario: PeerScenario;
  /** The closed case before it, whose best rate it takes half of. */
  readonly after: string;
  paths(target: Target): readonly string[];
}

/** At half of what NestJS on Express can do at its best: there latencies can be compared. Without it, at half of Usher's best. */
export function steadyPages({ settings, rateOf }: ScenarioContext, work: PageWork): Case {
  const { rate, connections = CONNECTIONS } = settings;
  const whose = [STEADY_PEER, "usher"].find((name) => rateOf(work.scenario, work.after, name) !== undefined);
  const best = whose === undefined ? undefined : rateOf(work.scenario, work.after, whose);
  const perSecond = rate ?? (best === undefined ? STEADY_RATE : Math.max(1, Math.round(best / 2)));
  const why = best === undefined || rate !== undefined ? "" : `, half of the best of ${whose}`;
  return {
    name: work.name,
    load: `open loop, ${perSecond} requests/s${why}, up to ${connections} connections over HTTP/1.1 kept alive`,
    unit: "requests",
    judgedBy: { figure: P999, unit: "ms at p99.9", better: "less" },
    subjects: subjectsOf(
      work.scenario,
      settings,
      [],
      (start) => (stage) => startPages(start, stage, work, { connections, perSecond, seconds: secondsOf(settings) }),
    ),
  };
}

async function startPages(
  startTarget: StartTarget,
  stage: Stage,
  work: PageWork,
  { connections, perSecond, seconds }: Record<"connections" | "perSecond" | "seconds", number>,
): Promise<Subject> {
  const target = await startTarget(stage, MULTIPLEX);
  const generator = stage.generator("pages");
  const { load } = generator;
  await load.open({ url: target.http, connections, perSecond, paths: work.paths(target) });
  return {
    async round() {
      await load.begin();
      const { pids: serverPids, roles } = target;
      const measured = await measure({ stage, seconds, serverPids, roles, clientPids: [generator.pid], loads: [load] });
      await load.end();
      const { latency = "" } = measured.sample.histograms;
      return withFigures(measured, {
        [P999]: latencyOf(latency).percentiles["p99.9"],
        ...perServerCpu(measured),
        ...perRoleCpu(measured),
      });
    },
    async stop() {
      await generator.stop();
      await target.stop();
    },
  };
}

async function startRest(
  startTarget: StartTarget,
  stage: Stage,
  work: RestWork,
  connections: number,
  seconds: number,
): Promise<Subject> {
  const target = await startTarget(stage, work.hall ?? MULTIPLEX);
  const generator = stage.generator("http");
  const { load } = generator;
  const requests = work.requests(target);
  const tokens = work.signedIn ? await target.tokens(connections) : [];
  await load.open({ url: target.http, connections, requests, tokens });
  return {
    async round() {
      await load.begin();
      const measured = await measure({
        stage,
        seconds,
        serverPids: target.pids,
        roles: target.roles,
        clientPids: [generator.pid],
        loads: [load],
      });
      await load.end();
      const { bytes = 0 } = measured.sample.figures;
      const answers = Math.max(1, measured.sample.count);
      return withFigures(measured, {
        ...perServerCpu(measured),
        ...perRoleCpu(measured),
        "bytes an answer": bytes / answers,
      });
    },
    async stop() {
      await generator.stop();
      await target.stop();
    },
  };
}
