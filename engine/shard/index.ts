export { GroupCommit } from "./group-commit.ts";
export { Proof } from "./proof.ts";
export { REFUSALS_MAX } from "./limits.ts";
export { RefusalMemory } from "./refusal-memory.ts";
export { readRow } from "./row-codec.ts";
export { Shard } from "./shard.ts";
export { recover, type Recovery, ShardState, stepByStep } from "./shard-state.ts";
