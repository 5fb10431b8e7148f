import { hash } from "node:crypto";
import { ID_BYTES, type RandomBytes } from "../../platform/random/index.ts";
import { requestId, type RequestId } from "../../proto/index.ts";

/** The same parts give the same id: a request that is repeated finds what it made, whatever came between. */
export const derivedId = (prefix: string, ...parts: readonly string[]): string =>
  prefix + hash("sha256", JSON.stringify(parts), "buffer").subarray(0, ID_BYTES).toString("base64url");

/**
 * The engine's request id. Made of what tells a request from all others, so that a retry gets the engine's first answer even where a crash
 * came between that and the storing of ours; without an Idempotency-Key nothing does, and each request is a new one.
 */
export function ridOf(way: "rest" | "graphql", repeated: string | undefined, random: RandomBytes): RequestId {
  const bytes = repeated === undefined ? random(16) : hash("sha256", repeated, "buffer");
  return requestId(`${way}-${bytes.toString("base64url")}`);
}
