import { createHash } from "node:crypto";
import type { RandomBytes } from "../../platform/random/index.ts";

const BYTES = 16;

/** A new id, such as `bk_mY0b4S1q9kQf2hUu7x3LzA`. */
export const newId = (prefix: string, random: RandomBytes): string => prefix + random(BYTES).toString("base64url");

/** The same parts give the same id: a request that is repeated finds what it made, whatever came between. */
export const derivedId = (prefix: string, ...parts: readonly string[]): string =>
  prefix + createHash("sha256").update(JSON.stringify(parts)).digest().subarray(0, BYTES).toString("base64url");
