import { createHash } from "node:crypto";
import { ID_BYTES } from "../../platform/random/index.ts";

/** The same parts give the same id: a request that is repeated finds what it made, whatever came between. */
export const derivedId = (prefix: string, ...parts: readonly string[]): string =>
  prefix + createHash("sha256").update(JSON.stringify(parts)).digest().subarray(0, ID_BYTES).toString("base64url");
