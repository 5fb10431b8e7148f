export { Cluster, type ClusterOptions, type ShardOwner, TwoClusters } from "./cluster.ts";
export { MemberTable } from "./member-table.ts";
export { type Member, Members } from "./members.ts";
export { ownerOf } from "./rendezvous.ts";
