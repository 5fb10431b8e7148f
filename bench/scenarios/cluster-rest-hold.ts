/** Holds over REST where services, an engine, NATS and Redis are processes of their own: what each of them spends on one. */
import type { Scenario } from "../runner/scenario.ts";
import { CLUSTER_PROGRAMS } from "../stage/cluster.ts";
import { clusterOf, formsOf, ONE_PROCESS } from "./parts/forms.ts";
import { restCase } from "./parts/rest.ts";
import { HOLD_AND_RELEASE, requireSeats } from "./rest-hold.ts";

export const clusterRestHold: Scenario = {
  name: "cluster-rest-hold",
  about: "durable holds and releases over REST, NATS and Redis, against one process",
  needs: CLUSTER_PROGRAMS,
  cases(context) {
    requireSeats(context);
    return [
      restCase(context, HOLD_AND_RELEASE, (plan) =>
        formsOf(clusterOf("over NATS", { engines: 1, edges: 1 }), ONE_PROCESS, plan),
      ),
    ];
  },
};
