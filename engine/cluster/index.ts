export { Cluster, type ClusterOptions, type ShardOwner } from "./cluster.ts";
export { type Member, Members } from "./members.ts";
