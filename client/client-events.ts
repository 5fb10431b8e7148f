import type { BookingId, HoldId } from "../proto/index.ts";
import type { ServerMessage } from "../proto/ws/client-codec.ts";
import type { ConnectionState } from "./connection.ts";
import type { Hold } from "./hold.ts";
import type { ClientClosed, Refused } from "./refused.ts";
import type { Identity } from "./sign-in.ts";

export interface ClientEvents {
  state: ConnectionState;
  /** Signed in, anew after each reconnection, and where the last token had ended before the next was accepted. */
  authed: Identity;
  /** No token was accepted; the connection goes on as a viewer. */
  signInRefused: Refused;
  /** The token ends in `inMs` and nothing here can fetch another: call `authenticate`. */
  tokenEnding: { readonly inMs: number };
  expired: { readonly holdId: HoldId };
  booked: { readonly holdId: HoldId; readonly bookingId: BookingId };
  /** What has become of a booking of the signed-in user. */
  booking: Omit<Extract<ServerMessage, { op: "booking" }>, "op">;
  /** A hold whose request was given up for lack of an answer, or sent twice and refused once, was granted after all: use it or release it. */
  lateHold: Hold;
  /** The server is about to shut down; the client reconnects by itself. */
  goaway: { readonly reconnectInMs: number };
  /** For good, be it by `close()` or because the server does not want this client back. */
  closed: ClientClosed;
}
