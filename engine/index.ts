/** The one door of the engine. */
export { Engine } from "./engine.ts";
export * from "./cluster/index.ts";
export * from "./journal/index.ts";
export { readRow, recover, ShardState } from "./shard/index.ts";
export { SnapshotThread, takeSnapshot } from "./snapshot/index.ts";
export { CORE_LIMITS } from "./core/index.ts";
export { audit } from "./audit.ts";
