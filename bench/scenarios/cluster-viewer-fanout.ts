/** The fan-out where two edges share the viewers, and every change comes to both over NATS; beside one process that does it all. */
import type { Scenario } from "../runner/scenario.ts";
import { secondsOf } from "../runner/settings.ts";
import { CLUSTER_PROGRAMS } from "../stage/cluster.ts";
import { JUDGED_BY_CPU, startFanOut } from "./parts/fan-out.ts";
import { clusterOf, formsOf, ONE_PROCESS } from "./parts/forms.ts";
import { CHANGES_PER_SECOND, viewersOf } from "./viewer-fanout.ts";

export const clusterViewerFanout: Scenario = {
  name: "cluster-viewer-fanout",
  about: "seat changes shown to 5,000 viewers by two edges over NATS, a server CPU second, against one process",
  needs: CLUSTER_PROGRAMS,
  cases({ settings }) {
    const { connections: viewers, note } = viewersOf(settings);
    const changesPerSecond = settings.rate ?? CHANGES_PER_SECOND;
    return [
      {
        name: `${viewers} viewers`,
        load: `${viewers} viewers${note} of one hall of 20,000 seats, ${changesPerSecond} changes/s by schedule`,
        unit: "seat changes",
        judgedBy: JUDGED_BY_CPU,
        subjects: formsOf(
          clusterOf("two edges", { engines: 1, edges: 2 }),
          ONE_PROCESS,
          (start) => (stage) => startFanOut(start, stage, { viewers, changesPerSecond, seconds: secondsOf(settings) }),
        ),
      },
    ];
  },
};
