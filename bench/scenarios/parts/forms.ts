/** Usher in two ways, one beside the other: what a scenario compares that wants to know what it costs to be many processes. */
import type { SubjectPlan } from "../../runner/scenario.ts";
import { type ClusterSize, startCluster } from "../../stage/cluster.ts";
import { startUsher } from "../../stage/targets.ts";
import type { StartTarget } from "./subjects.ts";

interface Form {
  readonly name: string;
  readonly about: string;
  readonly start: StartTarget;
}

export const ONE_PROCESS: Form = {
  name: "one process",
  about: "`usher all`: everything in one process",
  start: (stage, hall) => startUsher(stage, hall),
};

export const clusterOf = (name: string, { engines, edges }: ClusterSize): Form => ({
  name,
  about: `${engines} engines, ${edges} edges and services as processes of their own, over NATS`,
  start: (stage, hall) => startCluster(stage, hall, { engines, edges }),
});

/** @param first whose ratio to the other the table shows */
export const formsOf = (
  first: Form,
  other: Form,
  plan: (start: StartTarget, form: Form) => SubjectPlan["start"],
): readonly SubjectPlan[] => [
  { name: first.name, kind: "usher", about: first.about, start: plan(first.start, first) },
  { name: other.name, kind: "form", about: other.about, start: plan(other.start, other) },
];
