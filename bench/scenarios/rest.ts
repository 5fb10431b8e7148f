/** REST by autocannon: one round of a list of requests, for the scenarios that have one. */
import type { HttpRequest } from "../load/http-load.ts";
import { measure, perRoleCpu, perServerCpu, withFigures } from "../runner/measure.ts";
import type { Case, ScenarioContext, Subject, SubjectPlan } from "../runner/scenario.ts";
import type { PeerScenario } from "../peer.ts";
import { secondsOf } from "../runner/settings.ts";
import type { Stage } from "../stage/stage.ts";
import { type Hall, MULTIPLEX, type Target } from "../stage/targets.ts";
import { type StartTarget, subjectsOf } from "./subjects.ts";

export const CONNECTIONS = 50;

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
