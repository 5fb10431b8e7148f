/** An edge that restarts: every viewer comes back at the same instant, and each wants to see the hall. */
import { guarded, merge, spent, usageOf } from "../runner/measure.ts";
import type { Scenario, Subject } from "../runner/scenario.ts";
import { usualConnections } from "../stage/machine-limits.ts";
import type { Stage } from "../stage/stage.ts";
import { ARENA } from "../stage/targets.ts";
import { createAudience } from "./parts/audience.ts";
import { type StartTarget, subjectsOf } from "./parts/subjects.ts";

const VIEWERS = 5_000;
const ALL_BACK = "all back after, ms";

export const reconnectStorm: Scenario = {
  name: "reconnect-storm",
  about: "5,000 viewers lose their connections and come back at once: how long until each of them sees the hall again",
  cases({ settings }) {
    const { connections: viewers, note } =
      settings.connections === undefined ? usualConnections(VIEWERS) : { connections: settings.connections, note: "" };
    return [
      {
        name: `${viewers} viewers`,
        load: `all ${viewers}${note} connect at one instant, and each is shown a hall of 20,000 seats`,
        unit: "viewers",
        judgedBy: { figure: ALL_BACK, unit: "ms", better: "less" },
        subjects: subjectsOf(undefined, settings, [], (start) => (stage) => startStorm(start, stage, viewers)),
      },
    ];
  },
};

async function startStorm(startTarget: StartTarget, stage: Stage, viewers: number): Promise<Subject> {
  const audience = createAudience(stage, viewers);
  const target = await startTarget(stage, ARENA);
  const shares = audience.shares(target);
  const usage = () => usageOf(stage, target.pids, audience.pids);
  return {
    round: () =>
      guarded(stage, async () => {
        await Promise.all(shares.map(({ load, options }) => load.open(options)));
        await Promise.all(audience.loads.map((load) => load.close()));
        const before = usage();
        const samples = await Promise.all(shares.map(({ load, options }) => load.storm(options)));
        const cpu = spent(before, usage());
        await Promise.all(audience.loads.map((load) => load.close()));
        const seconds = Math.max(...samples.map(({ figures }) => figures["seconds"] ?? 0));
        return { seconds, cpu, sample: { ...merge(samples), figures: { [ALL_BACK]: seconds * 1_000 } } };
      }),
    async stop() {
      await audience.stop();
      await target.stop();
    },
  };
}
