/** Whom a scenario compares: Usher, the limits it is held against, and the peers that know the scenario. */
import type { PeerScenario } from "../peer.ts";
import type { SubjectPlan } from "../runner/scenario.ts";
import type { Settings } from "../runner/settings.ts";
import type { Stage } from "../stage/stage.ts";
import { type Hall, startPlainServer, startUsher, type Target } from "../stage/targets.ts";

export type StartTarget = (stage: Stage, hall: Hall) => Promise<Target>;

interface Limit {
  readonly about: string;
  readonly entry: string;
  readonly needs: readonly "postgres"[];
}

const LIMITS = {
  "bare-loop": {
    about: "reads a frame, writes all that came meanwhile as one fsynced row, answers; no rules, no state",
    entry: "bench/limits/bare-loop.ts",
    needs: ["postgres"],
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

export function subjectsOf(
  scenario: PeerScenario,
  settings: Settings,
  limits: readonly LimitName[],
  plan: (start: StartTarget) => SubjectPlan["start"],
): SubjectPlan[] {
  void scenario;
  void settings;
  return [
    ...limits.map((name): SubjectPlan => {
      const { about, entry, needs }: Limit = LIMITS[name];
      const start: StartTarget = async (stage, hall) => {
        const env = needs.length > 0 ? { DATABASE_URL: await stage.database() } : {};
        return startPlainServer(stage, { name, entry, env, dialect: "bench-msgpack" }, hall);
      };
      return { name, kind: "limit", about, start: plan(start) };
    }),
    { name: "usher", kind: "usher", about: "Usher, everything in one process", start: plan(startUsher) },
  ];
}
