import { type RequestId, showtimeId } from "../proto/index.ts";
import type { ServerMessage } from "../proto/ws/client-codec.ts";
import type { ClientEvents } from "./client-events.ts";
import type { BestSeats, ClientOptions, HoldOptions, RequestOptions } from "./client-options.ts";
import { type ClientClock, createSystemClock } from "./clock.ts";
import { codecOf } from "./codec.ts";
import { Connection, type ConnectionState, type SocketConstructor } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import type { Hall, HallEvents } from "./hall.ts";
import { type Extension, type Hold, toExtension, toHold } from "./hold.ts";
import { CLIENT_LIMITS, type ClientLimits } from "./limits.ts";
import { ClientClosed, Refused } from "./refused.ts";
import { type Answered, type RequestMessage, Requests } from "./requests.ts";
import { type Identity, SignIn, type TokenSource } from "./sign-in.ts";
import { Watches } from "./watches.ts";

/**
 * A client of Usher's seat engine.
 *
 * It keeps one connection (see `Connection` for its states), signs in on it, watches halls (see `Hall`) and asks for holds
 * (see `Requests`). Everything lives through reconnections: watches go on from where they were, and requests are sent again
 * under the id they had, so that none is carried out twice. Notices (`expired`, `booked`) are told once, to the connections
 * that exist at the time: after a reconnection, `GET /api/v1/holds/:id` knows what was missed.
 */
export class UsherClient {
  readonly #clock: ClientClock;
  readonly #random: () => number;
  readonly #limits: ClientLimits;
  readonly #events = new Emitter<ClientEvents>();
  readonly #connection: Connection;
  readonly #signIn: SignIn;
  readonly #watches: Watches;
  readonly #requests: Requests;
  readonly #ridPrefix: string;
  #rids = 0;

  /** @throws TypeError for what is no WebSocket's URL, and where there is no WebSocket. */
  constructor(options: ClientOptions) {
    const url = webSocketUrl(options.url);
    const clock = (this.#clock = options.clock ?? createSystemClock());
    const random = (this.#random = options.random ?? Math.random);
    const limits = (this.#limits = { ...CLIENT_LIMITS, ...options.limits });
    const shared = { clock, random, limits };
    this.#ridPrefix = `${this.#chance()}${this.#chance()}`;
    const socket = options.WebSocket ?? platformSocket();
    const connection = { ...shared, url, codec: codecOf(options.encoding ?? "json"), socket };
    this.#connection = new Connection(connection, {
      state: (state) => this.#events.emit("state", state),
      opened: () => this.#opened(),
      lost: () => this.#lost(),
      ended: (error) => this.#ended(error),
      message: (message) => this.#take(message),
      unreadable: (rid, reason) =>
        this.#requests.fail(rid, new Refused("INTERNAL", `an answer that cannot be read: ${reason}`, { rid })),
      probe: () => void (this.#watches.probe() || this.#signIn.probe()),
    });
    const send = this.#connection.send.bind(this.#connection);
    this.#watches = new Watches({ ...shared, send });
    this.#signIn = new SignIn({
      ...shared,
      send,
      reconnect: () => this.#connection.replace(),
      authed: (identity) => this.#authed(identity),
      refused: (refused) => this.#signInRefused(refused),
    });
    this.#requests = new Requests({
      ...shared,
      send: (message) => this.#signIn.settled && send(message),
      user: () => this.#signIn.user,
      renew: () => this.#signIn.renew("refused"),
      lacking: () => this.#signIn.lacking,
      late: (answered) => this.#late(answered),
    });
    // The caller learns of a refusal by the event.
    if (options.token !== undefined) this.#signIn.authenticate(options.token).catch(() => {});
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Who the connection is signed in as, if anybody. */
  get identity(): Identity | undefined {
    return this.#signIn.identity;
  }

  /** @returns what takes the handler away again. */
  on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, handler);
  }

  /** Begins; resolves at the first `welcome`, however many attempts that takes. @throws (rejects) ClientClosed. */
  connect(): Promise<void> {
    if (this.state === "open") return Promise.resolve();
    if (this.state === "closed") return Promise.reject(alreadyClosed());
    const opened = new Promise<void>((resolve, reject) => {
      const stop = [
        this.on("state", (state) => state === "open" && done(resolve)),
        this.on("closed", (error) => done(() => reject(error))),
      ];
      const done = (settle: () => void): void => {
        for (const off of stop) off();
        settle();
      };
    });
    this.#connection.start();
    return opened;
  }

  /** Reconnect now instead of when the back-off ends, or ask at once whether the connection lives; for `online`, `offline` and `visibilitychange`. */
  wake(): void {
    this.#connection.wake();
  }

  /** Ends everything: what waits is rejected with `ClientClosed`. Holds live on at the server until they expire. */
  close(): void {
    this.#connection.close();
  }

  /**
   * Signs in, on this connection or else on the next, and on every later one, in place of any call before it, which is then settled by the same
   * answer. Before `connect()` it waits for that.
   * @throws (rejects) Refused `UNAUTHORIZED`, what the source throws, ClientClosed.
   */
  authenticate(token: TokenSource): Promise<Identity> {
    if (this.state === "closed") return Promise.reject(alreadyClosed());
    return this.#signIn.authenticate(token);
  }

  /**
   * Follows a hall. Watching one that is watched already gives the same `Hall`, with these handlers added.
   * @throws TypeError for what cannot be a showtime's id; Refused `LIMIT_REACHED` past `limits.watchesMax`; ClientClosed.
   */
  watch(showtime: string, handlers: { [Name in keyof HallEvents]?: (event: HallEvents[Name]) => void } = {}): Hall {
    if (this.state === "closed") throw alreadyClosed();
    const hall = this.#watches.open(showtimeId(showtime));
    const { snapshot, change, inStep, refused } = handlers;
    if (snapshot !== undefined) hall.on("snapshot", snapshot);
    if (change !== undefined) hall.on("change", change);
    if (inStep !== undefined) hall.on("inStep", inStep);
    if (refused !== undefined) hall.on("refused", refused);
    return hall;
  }

  /** Holds these seats, all or none. @throws (rejects) Refused, for example `SEAT_TAKEN` naming the seats; ClientClosed. */
  async hold(showtime: string, seats: readonly number[], options: HoldOptions = {}): Promise<Hold> {
    return this.#hold(showtime, { seats: [...seats] }, options);
  }

  /** Holds the best seats that are free. @throws (rejects) Refused, for example `NOT_ENOUGH_SEATS`; ClientClosed. */
  async holdBest(showtime: string, best: BestSeats, options: HoldOptions = {}): Promise<Hold> {
    return this.#hold(showtime, { best: { ...best } }, options);
  }

  /** @throws (rejects) Refused: `LIMIT_REACHED` when the clock allows no more, `HOLD_EXPIRED`, `HOLD_NOT_FOUND`; ClientClosed. */
  async extend(holdId: string, options: RequestOptions = {}): Promise<Extension> {
    return toExtension(await this.#ask({ op: "extend", rid: this.#rid(options), holdId }, options));
  }

  /** Gives back all seats of a hold, or the named ones. @throws (rejects) Refused `HOLD_NOT_FOUND`, `HOLD_EXPIRED`; ClientClosed. */
  async release(holdId: string, options: RequestOptions & { readonly seats?: readonly number[] } = {}): Promise<void> {
    const seats = options.seats === undefined ? {} : { seats: [...options.seats] };
    await this.#ask({ op: "release", rid: this.#rid(options), holdId, ...seats }, options);
  }

  /** A new request's id, for who has to know it before: given as `rid`, now or after a restart, it names the same request. */
  requestId(): string {
    return this.#rid({});
  }

  /** The clock that `expiresAt` is on: milliseconds since some fixed point, never going backwards. */
  now(): number {
    return this.#clock.monotonic();
  }

  /** What is left of a hold, in milliseconds; never more than the server would say. */
  msLeft(hold: { readonly expiresAt: number }): number {
    return Math.max(0, hold.expiresAt - this.#clock.monotonic());
  }

  async #hold(
    showtime: string,
    wish: { readonly seats: number[] } | { readonly best: BestSeats },
    options: HoldOptions,
  ): Promise<Hold> {
    const { accessible } = options;
    const asked = { ...wish, ...(accessible !== undefined && { accessible }) };
    const rid = this.#rid(options);
    return toHold(await this.#ask({ op: "hold", rid, showtime: showtimeId(showtime), ...asked }, options));
  }

  #ask(message: RequestMessage, { timeoutMs = this.#limits.requestTimeoutMs }: RequestOptions): Promise<Answered> {
    if (this.state === "closed") return Promise.reject(alreadyClosed());
    return this.#requests.ask(message, timeoutMs);
  }

  /** The cast: any string of 1 to 64 characters may be a request id, and `Requests` refuses another. */
  #rid({ rid }: RequestOptions): RequestId {
    return (rid ?? `${this.#ridPrefix}-${(this.#rids++).toString(36)}`) as RequestId;
  }

  #chance(): string {
    return Math.floor(this.#random() * 36 ** 8).toString(36);
  }

  #opened(): void {
    this.#signIn.opened();
    this.#watches.resume();
    this.#requests.flush();
  }

  #lost(): void {
    this.#signIn.lose();
    this.#watches.lose();
    this.#requests.lose();
  }

  #ended(error: ClientClosed): void {
    this.#signIn.end(error);
    this.#watches.end(error);
    this.#requests.end(error);
    this.#events.emit("closed", error);
  }

  #authed(identity: Identity): void {
    this.#requests.flush();
    this.#events.emit("authed", identity);
  }

  #signInRefused(refused: Refused): void {
    // The server refuses each by itself, which is for it to say: some may be answers it remembers.
    this.#requests.flush();
    this.#events.emit("signInRefused", refused);
  }

  #late(answered: Answered): void {
    if (answered.answer.op === "held") this.#events.emit("lateHold", toHold(answered));
  }

  #take(message: ServerMessage): void {
    switch (message.op) {
      case "snapshot":
      case "delta":
        return this.#watches.take(message);
      case "held":
      case "extended":
      case "released":
        return this.#requests.answer(message);
      case "error":
        return this.#refuse(message);
      case "authed":
        return this.#signIn.accept({ userId: message.userId, role: message.role });
      case "reauth":
        if (!this.#signIn.renew("ending", message.inMs)) this.#events.emit("tokenEnding", { inMs: message.inMs });
        return;
      case "expired":
        return this.#events.emit("expired", { holdId: message.holdId });
      case "booked":
        return this.#events.emit("booked", { holdId: message.holdId, bookingId: message.bookingId });
      case "booking": {
        const { op: _, ...news } = message;
        return this.#events.emit("booking", news);
      }
      case "goaway":
        return this.#events.emit("goaway", { reconnectInMs: message.reconnectInMs });
      case "welcome":
        return;
    }
  }

  #refuse(message: Extract<ServerMessage, { op: "error" }>): void {
    if (message.rid !== undefined) return this.#requests.refuse(message.rid, message);
    const refused = new Refused(message.code, message.message, message);
    if (this.#signIn.refuse(refused)) return;
    // It is about a watch, or a token that cannot be judged just now, and does not say which; asking twice does no harm.
    this.#watches.refuse(refused);
    this.#signIn.postpone(refused);
  }
}

const alreadyClosed = (): ClientClosed => new ClientClosed(1000, "the client was closed");

/** Not every WebSocket takes the `http` forms that the standard has by now. @throws TypeError */
function webSocketUrl(text: string): string {
  const url = new URL(text);
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new TypeError(`not a WebSocket's URL: ${text}`);
  if (url.hash !== "") throw new TypeError(`a WebSocket's URL has no fragment: ${text}`);
  return url.href;
}

function platformSocket(): SocketConstructor {
  // The cast: neither Node's types (20) nor the DOM's are assumed here; `SocketLike` is the part both have.
  const { WebSocket } = globalThis as { WebSocket?: SocketConstructor };
  if (WebSocket === undefined) {
    throw new TypeError(
      "this platform has no WebSocket of its own: give one in the option `WebSocket`, as Node 20 must with that of `ws`",
    );
  }
  return WebSocket;
}
