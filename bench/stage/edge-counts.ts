/** What Usher's edge counts, as its metrics tell. */
import { BenchError } from "../bench-error.ts";

export interface EdgeCounts {
  /** From clients. */
  readonly messages: number;
  /** Viewers shown a whole hall. */
  readonly snapshots: number;
  /** Frames that slow readers did not get. */
  readonly dropped: number;
}

/** @param http of the server, without a slash at the end. @throws BenchError */
export async function edgeCountsOf(http: string): Promise<EdgeCounts> {
  const response = await fetch(`${http}/metrics`).catch((cause: unknown) => {
    throw new BenchError(`${http}/metrics was not answered.`, { cause });
  });
  const text = await response.text();
  const count = (name: string): number => {
    const value = new RegExp(`^${name}(?:{.*})? (\\d+)$`, "m").exec(text)?.[1];
    if (value === undefined) throw new BenchError(`${http}/metrics does not tell ${name}.`);
    return Number(value);
  };
  return {
    messages: count("usher_edge_messages_total"),
    snapshots: count("usher_edge_snapshots_total"),
    dropped: count("usher_edge_frames_dropped_total"),
  };
}
