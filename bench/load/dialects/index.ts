import { benchMsgpack } from "./bench-msgpack.ts";
import type { Dialect } from "./dialect.ts";
import { usher } from "./usher.ts";

export const DIALECTS = { usher, "bench-msgpack": benchMsgpack } as const satisfies Record<string, Dialect>;
export type DialectName = keyof typeof DIALECTS;
export { type Buyer, type Dialect, NO_SLOT, refusedSlot, type Showtime, type Viewer } from "./dialect.ts";
