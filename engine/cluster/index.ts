export { Cluster } from "./cluster.ts";
export { keepRenewing } from "./keep-renewing.ts";
export { MemberTable } from "./member-table.ts";
export { type Member, Members } from "./members.ts";
export { ownerOf } from "./rendezvous.ts";
