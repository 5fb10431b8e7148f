import { fnv1a } from "../../../proto/index.ts";

/** FNV-1a over the text, going on from `seed`, and finished. */
export const hashOf = (text: string, seed?: number): number => finished(fnv1a(text, seed));

/** The last characters reach only the high bits of the product. */
export const finished = (hash: number): number => hash ^ (hash >>> 15);
