import type { MemberBeat } from "../../proto/index.ts";

/** What the cluster needs of an engine. */
export interface ShardOwner {
  readonly owned: ReadonlyMap<number, number>;
  /** How long PostgreSQL has said nothing to it, in milliseconds. */
  readonly unprovenMs: number;
  readonly totals: Pick<MemberBeat, "commits" | "requests" | "waiting" | "commitMs">;
  /** A shard's counts since the engine started. */
  countsOf(shard: number): { readonly requests: number; readonly commits: number };
  /** Reads a shard that is about to be its own. */
  prepare(shard: number): Promise<void>;
  own(shard: number): Promise<void>;
  /** Leaves the next owner little to read. */
  wrapUp(shard: number): Promise<void>;
  /** @returns whether it had the shard until now */
  disown(shard: number): Promise<boolean>;
  noteServedElsewhere(shard: number, epoch: number): void;
}
