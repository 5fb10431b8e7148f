/** The one door of the SDK: watch halls and hold seats from browsers, kiosks and Node. */
export { UsherClient } from "./usher-client.ts";
export type { BestSeats, ClientOptions, HoldOptions, RequestOptions } from "./client-options.ts";
export type { ClientEvents } from "./client-events.ts";
export type { Extension, Hold } from "./hold.ts";
export type { Hall, HallEvents, SeatChange } from "./hall.ts";
export type { ConnectionState, SocketConstructor, SocketLike } from "./connection.ts";
export type { Identity, TokenReason, TokenSource } from "./sign-in.ts";
export type { Encoding } from "../proto/ws/client-codec.ts";
export { ClientClosed, Refused } from "./refused.ts";
export { fullJitterMs } from "./back-off.ts";
export { CLIENT_LIMITS } from "./limits.ts";
export type { ClientLimits } from "./limits.ts";
export type { ClientClock, ClientTimer } from "./clock.ts";
export { RestClient, Unreachable } from "./rest-client.ts";
export type { Booking, Layout, LayoutSeat, Movie, RestHold, Showtime, ShowtimeSearch, Ticket } from "./rest-client.ts";
