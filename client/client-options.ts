import type { Encoding } from "../proto/ws/client-codec.ts";
import type { ClientClock } from "./clock.ts";
import type { SocketConstructor } from "./connection.ts";
import type { ClientLimits } from "./limits.ts";
import type { TokenSource } from "./sign-in.ts";

export interface ClientOptions {
  /** `ws://HOST:8081/v1`, or `wss://` behind a proxy. */
  readonly url: string;
  /** Default `json`; `msgpack` is about a third of the bytes. */
  readonly encoding?: Encoding;
  /** Default: the platform's own. Node 20 has none: give it that of the `ws` package. */
  readonly WebSocket?: SocketConstructor;
  /** Signs in on every connection; the same as `authenticate` later. Without it the client can only watch. */
  readonly token?: TokenSource;
  readonly limits?: Partial<ClientLimits>;
  readonly clock?: ClientClock;
  /** In [0, 1), for back-off and request ids. */
  readonly random?: () => number;
}

export interface RequestOptions {
  /** 1 to 64 characters. Default: a new one. The one of an earlier request gets that one's answer. */
  readonly rid?: string;
  /** Default `limits.requestTimeoutMs`. */
  readonly timeoutMs?: number;
}

export interface HoldOptions extends RequestOptions {
  /** The buyer needs a wheelchair place, or is the companion of somebody who does. */
  readonly accessible?: boolean;
}

export interface BestSeats {
  readonly count: number;
  /** Id of a price category of the layout. Default: any. */
  readonly category?: string;
  /** Seats in more than one row will do. */
  readonly split?: boolean;
}
