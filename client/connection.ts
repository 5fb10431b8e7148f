import { mayReconnect, type RequestId } from "../proto/index.ts";
import { type ClientMessage, type ServerMessage, type Undecodable, WS_LIMITS } from "../proto/ws/client-codec.ts";
import { fullJitterMs } from "./back-off.ts";
import type { ClientClock, ClientTimer } from "./clock.ts";
import type { ClientCodec } from "./codec.ts";
import { type ClientLimits, GARBAGE_MAX } from "./limits.ts";
import { ClientClosed } from "./refused.ts";

/** The part of the WebSocket API that is used: browsers, Deno, Bun, Node 22 and the `ws` package all have it. */
export interface SocketLike {
  binaryType: string;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: "error", listener: () => void): void;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

export type ConnectionState = "idle" | "connecting" | "open" | "waiting" | "closed";

export interface ConnectionOptions {
  readonly url: string;
  readonly codec: ClientCodec;
  readonly socket: SocketConstructor;
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly limits: ClientLimits;
}

export interface ConnectionOwner {
  state(state: ConnectionState): void;
  opened(): void;
  lost(): void;
  ended(error: ClientClosed): void;
  message(message: ServerMessage): void;
  /** The answer to this request came, and could not be read. */
  unreadable(rid: RequestId, reason: string): void;
  /** Sends something that the server must answer, if there is anything of the kind. */
  probe(): void;
}

/**
 * One connection after another to the same server.
 *
 *     idle --start--> connecting --welcome--> open
 *                       |  ^                   |
 *          lost, silent |  | time is up, wake  | lost, silent, garbage, goaway
 *                       v  |                   v
 *                      waiting <----------------
 *     any --close(), or a close code that says "do not come back"--> closed
 *
 * `connecting` has a time limit. `waiting` lasts a random time whose ceiling doubles with every connection that did not live
 * `steadyMs`; after a `goaway` the server itself has said when, and that is kept to without adding to it.
 *
 * Liveness: servers ping, and the WebSocket API hides pings, so silence alone means nothing here. Where something is owed (an
 * answer to whatever was sent), `silenceMs` without hearing anything means that the connection is dead. After `heartbeatMs` of
 * silence with nothing owed, the owner probes: it asks for something that it knows already.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #owner: ConnectionOwner;
  #state: ConnectionState = "idle";
  #socket: SocketLike | undefined;
  /** What ends the present state: the time limit of connecting, or the wait. */
  #timer: ClientTimer | undefined;
  #watchdog: ClientTimer | undefined;
  #leaving: { readonly timer: ClientTimer; readonly at: number } | undefined;
  #attempt = 0;
  #openedAt = 0;
  #heartbeatMs = 0;
  #heardAt = 0;
  #owedSince: number | undefined;
  /** Unreadable messages since the last readable one. */
  #garbage = 0;

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  start(): void {
    if (this.#state === "idle") this.#connect();
  }

  /** Do not wait any longer: the network came back, or somebody looks at the page again. */
  wake(): void {
    if (this.#state === "waiting") this.#connect();
    else if (this.#state === "open") this.#probe();
  }

  /** @returns false when there is no open connection. @throws RangeError when the message is longer than servers accept. */
  send(message: ClientMessage): boolean {
    if (this.#state !== "open" || this.#socket === undefined) return false;
    const data = this.#options.codec.encode(message);
    const bytesMax = WS_LIMITS.clientMessageBytes;
    if (byteLength(data) > bytesMax) throw new RangeError(`the ${message.op} is longer than ${bytesMax} bytes`);
    this.#socket.send(data);
    if (message.op !== "unwatch") this.#owedSince ??= this.#options.clock.monotonic();
    this.#watch();
    return true;
  }

  /** Another connection in place of this one. */
  replace(): void {
    if (this.#state === "open") this.#lost();
  }

  close(code = 1000, reason = "bye"): void {
    if (this.#state !== "closed") this.#end(new ClientClosed(code, reason), code);
  }

  #connect(): void {
    const { codec, limits, socket: Socket, url } = this.#options;
    if (!this.#enter("connecting", { ms: limits.connectTimeoutMs, next: () => this.#lost() })) return;
    let socket: SocketLike;
    try {
      socket = new Socket(url, [codec.subprotocol]);
    } catch (error) {
      // As a page under https is not let open one without TLS. It would be no other the next time.
      return this.#end(new ClientClosed(1008, error instanceof Error ? error.message : String(error)));
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket === socket) this.#hear(data);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.#socket !== socket) return;
      if (mayReconnect(code)) this.#lost();
      else this.#end(new ClientClosed(code, reason));
    });
    // A close event follows every error event, and says as much as a browser will tell.
    socket.addEventListener("error", () => {});
  }

  #hear(data: unknown): void {
    const decoded = this.#options.codec.decode(data);
    if (!decoded.ok && decoded.isUnknown !== true) return this.#hearGarbage(decoded);
    this.#garbage = 0;
    this.#heardAt = this.#options.clock.monotonic();
    this.#owedSince = undefined;
    if (!decoded.ok) return; // A newer server's; what this version does not know, it does not miss.
    const message = decoded.message;
    if (message.op === "welcome") return this.#welcome(message.heartbeatMs);
    if (this.#state !== "open") return this.#lost();
    if (message.op === "goaway") this.#goAway(message.reconnectInMs);
    this.#owner.message(message);
  }

  /**
   * A newer server may say in an answer what this version cannot read, and a lost delta mends itself; but who says nothing else is
   * no server of ours.
   */
  #hearGarbage({ rid, reason }: Undecodable): void {
    this.#garbage++;
    if (this.#state !== "open" || this.#garbage >= GARBAGE_MAX) return this.#lost();
    if (rid !== undefined) this.#owner.unreadable(rid, reason);
  }

  #welcome(heartbeatMs: number): void {
    if (this.#state !== "connecting") return;
    this.#openedAt = this.#heardAt;
    this.#heartbeatMs = Math.max(1000, heartbeatMs);
    if (!this.#enter("open")) return;
    this.#watch();
    this.#owner.opened();
  }

  #goAway(reconnectInMs: number): void {
    const { clock } = this.#options;
    this.#leaving?.timer.cancel();
    const timer = clock.after(reconnectInMs, () => this.#lost());
    this.#leaving = { timer, at: clock.monotonic() + reconnectInMs };
  }

  #lost(): void {
    if (this.#state === "closed" || this.#state === "waiting") return;
    const now = this.#options.clock.monotonic();
    const wasOpen = this.#state === "open";
    if (wasOpen && now - this.#openedAt >= this.#options.limits.steadyMs) this.#attempt = 0;
    const waitMs = this.#leaving === undefined ? this.#backOffMs() : Math.max(0, this.#leaving.at - now);
    this.#drop();
    this.#enter("waiting", { ms: waitMs, next: () => this.#connect() });
    if (wasOpen) this.#owner.lost();
  }

  #end(error: ClientClosed, closeCode?: number): void {
    this.#drop(closeCode);
    this.#enter("closed");
    this.#owner.ended(error);
  }

  /** Lets go of the socket without waiting for its closing handshake, which a dead connection never ends. */
  #drop(code?: number): void {
    this.#watchdog?.cancel();
    this.#watchdog = undefined;
    this.#leaving?.timer.cancel();
    this.#leaving = undefined;
    this.#owedSince = undefined;
    this.#garbage = 0;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(code);
  }

  /** @returns whether it is still in that state: whoever is told may close the client, or wake it. */
  #enter(state: ConnectionState, end?: { readonly ms: number; readonly next: () => void }): boolean {
    this.#timer?.cancel();
    this.#timer = end && this.#options.clock.after(end.ms, end.next);
    if (state === this.#state) return true;
    this.#state = state;
    this.#owner.state(state);
    return this.#state === state;
  }

  #backOffMs(): number {
    const { limits, random } = this.#options;
    return fullJitterMs(this.#attempt++, limits.reconnectBaseMs, limits.backOffMaxMs, random);
  }

  /** One timer for both kinds of silence; it is set anew only when it goes off, not with every message. */
  #watch(): void {
    if (this.#watchdog !== undefined && this.#owedSince === undefined) return;
    this.#watchdog?.cancel();
    const { clock } = this.#options;
    this.#watchdog = clock.after(Math.max(0, this.#silentAt() - clock.monotonic()), () => this.#onSilence());
  }

  #silentAt(): number {
    if (this.#owedSince !== undefined) return this.#owedSince + this.#options.limits.silenceMs;
    return this.#heardAt + this.#heartbeatMs;
  }

  #onSilence(): void {
    this.#watchdog = undefined;
    if (this.#state !== "open") return;
    const late = this.#options.clock.monotonic() >= this.#silentAt();
    if (late && this.#owedSince !== undefined) return this.#lost();
    if (late) this.#probe();
    this.#watch();
  }

  #probe(): void {
    this.#owner.probe();
    // With nothing to ask about there is nothing to miss; the next request finds out.
    if (this.#owedSince === undefined) this.#heardAt = this.#options.clock.monotonic();
  }
}

const byteLength = (data: string | Uint8Array): number =>
  typeof data === "string" ? new TextEncoder().encode(data).length : data.length;
