export { GroupCommit } from "./group-commit.ts";
export { Proof } from "./proof.ts";
export { readRow } from "./row-codec.ts";
export { Shard } from "./shard.ts";
export { recover, type Recovery, ShardState } from "./shard-state.ts";
