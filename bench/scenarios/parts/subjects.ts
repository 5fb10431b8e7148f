/** Whom a scenario compares: Usher, the limits it is held against, and the peers that know the scenario. */
import type { Peer, PeerScenario } from "../../peer.ts";
import { PEERS } from "../../peers/index.ts";
import type { SubjectPlan } from "../../runner/scenario.ts";
import type { Settings } from "../../runner/settings.ts";
import type { Stage } from "../../stage/stage.ts";
import { type Hall, startPlainServer, startUsher, type Target } from "../../stage/targets.ts";

export type StartTarget = (stage: Stage, hall: Hall) => Promise<Target>;

interface Limit {
  readonly about: string;
  readonly entry: string;
  readonly needsPostgres: boolean;
}

const LIMITS = {
  "bare-loop": {
    about: "Reads a frame, writes all that came meanwhile as one fsynced row, answers: no rules, no state, no viewers",
    entry: "bench/limits/bare-loop.ts",
    needsPostgres: true,
  },
  "bare-publish": {
    about:
      "uWebSockets.js publishes one frame of what changed to everybody, as often as Usher's edge would: no rules, nothing durable",
    entry: "bench/limits/bare-publish.ts",
    needsPostgres: false,
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

/**
 * @param scenario which peers take part; undefined: none, since they do not do that work
 * @param plan how each of them is measured, once it is told how to start
 */
export function subjectsOf(
  scenario: PeerScenario | undefined,
  { peers }: Settings,
  limits: readonly LimitName[],
  plan: (start: StartTarget) => SubjectPlan["start"],
): SubjectPlan[] {
  const chosen = Object.entries(PEERS).filter(
    ([name, peer]) => scenario !== undefined && peer.scenarios.includes(scenario) && (peers?.includes(name) ?? true),
  );
  return [
    ...limits.map((name): SubjectPlan => ({
      name,
      kind: "limit",
      about: LIMITS[name].about,
      start: plan(startLimit(name)),
    })),
    { name: "usher", kind: "usher", about: "Usher, everything in one process", start: plan(startUsher) },
    ...chosen.map(([name, peer]): SubjectPlan => {
      const { about, fairness } = peer;
      return { name, kind: "peer", about, fairness, start: plan(startPeer(name, peer)) };
    }),
  ];
}

const startLimit =
  (name: LimitName): StartTarget =>
  async (stage, hall) => {
    const { entry, needsPostgres }: Limit = LIMITS[name];
    const env = needsPostgres ? { DATABASE_URL: await stage.database() } : {};
    return startPlainServer(stage, { name, entry, env, dialect: "bench-msgpack" }, hall);
  };

export const startPeer =
  (name: string, { entry, env, needs, redis, protocol }: Peer): StartTarget =>
  async (stage, hall) => {
    const given = {
      ...env,
      ...(needs.includes("postgres") && { DATABASE_URL: await stage.database() }),
      ...(needs.includes("redis") && { REDIS_URL: (await stage.redis(redis?.appendfsync)).url }),
    };
    // REST has no frames.
    const dialect = protocol === "rest" ? "bench-msgpack" : protocol;
    return startPlainServer(stage, { name, entry, env: given, dialect }, hall);
  };
