import { fnv1a } from "../../../proto/index.ts";

/** FNV-1a over the text, and finished. */
export const hashOf = (text: string): number => finished(fnv1a(text));

/** The last characters reach only the high bits of the product. */
export const finished = (hash: number): number => hash ^ (hash >>> 15);
