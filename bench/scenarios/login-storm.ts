/** Everybody signs in before the sale opens: passwords are hashed as quickly as they come, and whoever looks around meanwhile should not notice. */
import type { Sample } from "../load/recorder.ts";
import { latencyOf } from "../runner/latency.ts";
import { measure, withFigures } from "../runner/measure.ts";
import type { Scenario, Subject } from "../runner/scenario.ts";
import { secondsOf } from "../runner/settings.ts";
import { accounts } from "../stage/guests.ts";
import type { Stage } from "../stage/stage.ts";
import { MULTIPLEX } from "../stage/targets.ts";
import { type StartTarget, subjectsOf } from "./parts/subjects.ts";

const CONNECTIONS = 20;
/** Usher lets about as many logins wait, and tells others that it is busy. Each account is hashed before the clock starts. */
const CONNECTIONS_MAX = 250;
const ACCOUNTS_A_CONNECTION = 5;
const PAGE = { method: "GET", path: "/api/v1/showtimes", expects: 200 } as const;
const PAGES_PER_SECOND = 100;

export const loginStorm: Scenario = {
  name: "login-storm",
  about: "logins a second (argon2id), and how long a page of the catalogue takes meanwhile",
  cases({ settings }) {
    const connections = Math.min(settings.connections ?? CONNECTIONS, CONNECTIONS_MAX);
    const pagesPerSecond = settings.rate ?? PAGES_PER_SECOND;
    const all = connections * ACCOUNTS_A_CONNECTION;
    return [
      {
        name: "sign in",
        load: `closed loop, ${connections} connections, ${all} accounts; beside them ${pagesPerSecond} pages/s, open loop`,
        unit: "logins",
        subjects: subjectsOf(
          undefined,
          settings,
          [],
          (start) => (stage) => startStorm(start, stage, { connections, pagesPerSecond, seconds: secondsOf(settings) }),
        ),
      },
    ];
  },
};

interface Storm {
  readonly connections: number;
  readonly pagesPerSecond: number;
  readonly seconds: number;
}

async function startStorm(startTarget: StartTarget, stage: Stage, storm: Storm): Promise<Subject> {
  const { connections, pagesPerSecond, seconds } = storm;
  const target = await startTarget(stage, MULTIPLEX);
  const customers = await accounts(target.http, connections * ACCOUNTS_A_CONNECTION);
  const logins = stage.generator("http");
  const pages = stage.generator("steady");
  const requests = customers.map((customer) => ({
    ...({ method: "POST", path: "/api/v1/auth/login", body: JSON.stringify(customer), expects: 200 } as const),
  }));
  await logins.load.open({ url: target.http, connections, requests, dealt: true });
  // As many connections as pages a second: visitors wait for the server and not for each other.
  await pages.load.open({ url: target.http, connections: pagesPerSecond, perSecond: pagesPerSecond, requests: [PAGE] });
  const watched = { stage, seconds, serverPids: target.pids, clientPids: [logins.pid, pages.pid] };
  return {
    async round() {
      await pages.load.begin();
      const calm = await measure({ ...watched, loads: [pages.load] });
      await logins.load.begin();
      let visits: Sample | undefined;
      const both = {
        mark: async () => void (await Promise.all([logins.load.mark(), pages.load.mark()])),
        async take() {
          const [sample, visited] = await Promise.all([logins.load.take(), pages.load.take()]);
          visits = visited;
          const pageOf = ({ histograms }: Sample): string => histograms["latency"] ?? "";
          const ofPages = { page: pageOf(visited), "page in the calm": pageOf(calm.sample) };
          return { ...sample, histograms: { ...sample.histograms, ...ofPages } };
        },
      };
      const measured = await measure({ ...watched, loads: [both] });
      await logins.load.end();
      await pages.load.end();
      const count = Math.max(1, measured.sample.count);
      return withFigures(measured, {
        "page p99 in the calm, ms": p99Of(calm.sample),
        "page p99 in the storm, ms": visits === undefined ? Number.NaN : p99Of(visits),
        ...(measured.cpu !== undefined && { "server CPU ms a login": (measured.cpu.server * 1_000) / count }),
      });
    },
    async stop() {
      await logins.stop();
      await pages.stop();
      await target.stop();
    },
  };
}

const p99Of = ({ histograms }: Sample): number => latencyOf(histograms["latency"] ?? "").percentiles.p99;
