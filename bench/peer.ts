/** What a peer is: something that people would use instead, set up as well as it can be, doing the same work from the same generator. */

/** The scenarios in which peers take part, by their names. */
export const PEER_SCENARIOS = ["hold-rush", "viewer-fanout", "browse", "showtime", "rest-hold", "kiosk-soak"] as const;
export type PeerScenario = (typeof PEER_SCENARIOS)[number];

/**
 * How a peer is spoken to.
 *
 * - `bench-msgpack`: WebSocket at /v1, MessagePack arrays in binary frames (see `BenchMessage` below).
 * - `socket.io`, `colyseus`: the same arrays as payloads of their own events, over their WebSocket transport alone.
 * - `rest`: the paths of Usher's REST API under /api/v1 that its scenarios use: `GET /movies`; `GET /showtimes`, `/showtimes/:id`,
 *   `/showtimes/:id/layout` and `/showtimes/:id/seats`; `POST /showtimes/:id/holds` {seats} with any bearer token, answered 201 {holdId}, and
 *   `DELETE /holds/:id`. With the same fields, and a hall of the same size.
 */
export type PeerProtocol = "bench-msgpack" | "socket.io" | "colyseus" | "rest";

export interface Peer {
  /** One line for the table: what it is. */
  readonly about: string;
  /** Its own best practice, and how it was set up by it. */
  readonly fairness: string;
  readonly needs: readonly ("postgres" | "redis")[];
  /** How its Redis writes; without it Redis keeps nothing. */
  readonly redis?: { readonly appendfsync: "always" | "everysec" };
  readonly scenarios: readonly PeerScenario[];
  readonly protocol: PeerProtocol;
  /** Those of `bench/peers` that it is made of. */
  readonly packages: readonly string[];
  /** From the root of the checkout: `bench/peers/NAME/server.ts`. It prints `{"port":N}` once it listens. */
  readonly entry: string;
  /**
   * Beside PORT=0, DATABASE_URL or REDIS_URL, and what the scenario wants: SHOWTIMES (how many, numbered from 0; 1 or 100) and SEATS (free
   * seats in each; 96 or 20,000), both made anew at each start.
   */
  readonly env?: Readonly<Record<string, string>>;
}

/** The first field of every array. Seats are indexes; a showtime is 0 to 99; `number` is the client's own, and comes back. */
export const CLIENT_OP = {
  /** [1, number, showtime, [seat, ...]] */
  hold: 1,
  /** [2, number, showtime, holdNumber] */
  release: 2,
  /** [3, showtime] */
  watch: 3,
} as const;

export const SERVER_OP = {
  /** [0, number, code] */
  refused: 0,
  /** [1, number, holdNumber] */
  held: 1,
  /** [2, number] */
  released: 2,
  /** [4, showtime, [seat * 4 + status, ...]], to whoever watches it */
  delta: 4,
} as const;
