import { benchMsgpack } from "./bench-msgpack.ts";
import { colyseus } from "./colyseus.ts";
import type { Dialect } from "./dialect.ts";
import { socketIo } from "./socket-io.ts";
import { usher } from "./usher.ts";

export const DIALECTS = {
  usher,
  "bench-msgpack": benchMsgpack,
  "socket.io": socketIo,
  colyseus,
} as const satisfies Record<string, Dialect>;
export type DialectName = keyof typeof DIALECTS;
export {
  type Buyer,
  type Dialect,
  NO_SLOT,
  type ReadChanges,
  refusedSlot,
  type Showtime,
  type Viewer,
} from "./dialect.ts";
