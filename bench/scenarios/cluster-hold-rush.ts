/**
 * The rush on many showtimes where engines are processes of their own: what a second engine adds, by the CPU that engines spend since all share this
 * machine's cores, and what the way over NATS costs against one process.
 */
import type { Case, Scenario, ScenarioContext } from "../runner/scenario.ts";
import { secondsOf } from "../runner/settings.ts";
import { CLUSTER_PROGRAMS } from "../stage/cluster.ts";
import { MULTIPLEX } from "../stage/targets.ts";
import { clusterOf, formsOf, ONE_PROCESS } from "./parts/forms.ts";
import { buyersOf, ENGINE_CPU_SECOND, startRush } from "./hold-rush.ts";
import type { StartTarget } from "./parts/subjects.ts";

export const clusterHoldRush: Scenario = {
  name: "cluster-hold-rush",
  about: "durable holds and releases over NATS: two engines against one, and the message path against one process",
  needs: CLUSTER_PROGRAMS,
  cases: (context) => [secondEngine(context), messagePath(context)],
};

function secondEngine(context: ScenarioContext): Case {
  const two = clusterOf("two engines", { engines: 2, edges: 1 });
  const one = clusterOf("one engine", { engines: 1, edges: 1 });
  const connections = connectionsOf(context);
  return {
    name: "two engines against one, as many buyers each",
    unit: "commands",
    load: loadOf(context, " an engine"),
    judgedBy: { figure: ENGINE_CPU_SECOND, unit: ENGINE_CPU_SECOND, better: "more" },
    subjects: formsOf(two, one, (start, form) => rushOf(context, form === two ? 2 * connections : connections)(start)),
  };
}

const messagePath = (context: ScenarioContext): Case => ({
  name: "over NATS against one process",
  load: loadOf(context),
  unit: "commands",
  subjects: formsOf(
    clusterOf("over NATS", { engines: 1, edges: 1 }),
    ONE_PROCESS,
    rushOf(context, connectionsOf(context)),
  ),
});

/** So many that two engines may have as many each. */
const connectionsOf = ({ settings }: ScenarioContext): number =>
  Math.max(1, Math.floor(buyersOf(settings, 2).connections / 2));

const loadOf = (context: ScenarioContext, each = ""): string =>
  `closed loop, ${connectionsOf(context)} connections${each} with ${context.settings.inFlight} in flight each, ${MULTIPLEX.showtimes} showtimes`;

const rushOf =
  ({ settings }: ScenarioContext, connections: number) =>
  (start: StartTarget) =>
  (stage: Parameters<StartTarget>[0]) =>
    startRush(start, stage, MULTIPLEX, {
      connections,
      slots: settings.inFlight,
      seconds: secondsOf(settings),
      pace: { kind: "closed" },
    });
