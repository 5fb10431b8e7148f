export { Replica, type ReplicaSources } from "./replica.ts";
