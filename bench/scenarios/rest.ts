/** REST by autocannon: one round of a list of requests, for the scenarios that have one. */
import type { HttpRequest } from "../load/http-load.ts";
import { measure, perServerCpu, withFigures } from "../runner/measure.ts";
import type { Case, ScenarioContext, Subject } from "../runner/scenario.ts";
import type { PeerScenario } from "../peer.ts";
import { secondsOf } from "../runner/settings.ts";
import type { Stage } from "../stage/stage.ts";
import { type Hall, MULTIPLEX, type Target } from "../stage/targets.ts";
import { type StartTarget, subjectsOf } from "./subjects.ts";

export const CONNECTIONS = 50;

export interface RestWork {
  readonly name: string;
  readonly scenario: PeerScenario;
  /** Whether each connection is another buyer. */
  readonly signedIn: boolean;
  /** Where; an ordinary hall if it is left out. */
  readonly hall?: Hall;
  requests(target: Target): readonly HttpRequest[];
}

export function restCase({ settings }: ScenarioContext, work: RestWork): Case {
  const connections = settings.connections ?? CONNECTIONS;
  return {
    name: work.name,
    load: `closed loop, ${connections} connections with one request in flight each, over HTTP/1.1 kept alive`,
    unit: "requests",
    subjects: subjectsOf(
      work.scenario,
      settings,
      [],
      (start) => (stage) => startRest(start, stage, work, connections, secondsOf(settings)),
    ),
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
        clientPids: [generator.pid],
        loads: [load],
      });
      await load.end();
      const { bytes = 0 } = measured.sample.figures;
      const answers = Math.max(1, measured.sample.count);
      return withFigures(measured, { ...perServerCpu(measured), "bytes an answer": bytes / answers });
    },
    async stop() {
      await generator.stop();
      await target.stop();
    },
  };
}
