/** The one file that knows uWebSockets.js. Its traps are told beside the lines that step around them. */
import { createRequire } from "node:module";
import type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from "uWebSockets.js";
import type * as uWebSockets from "uWebSockets.js";
import { ExplainedError } from "../platform/explained/index.ts";
import { networkOf } from "../platform/network/index.ts";
import type { Encoding } from "../proto/ws/index.ts";
import { ENCODING_OF, type Frame } from "./encoding.ts";
import { LIMITS } from "./limits.ts";
import { Proxies } from "./proxies.ts";
import type { CloseCode, Publisher, Socket, SocketEvents } from "./socket.ts";

type Library = typeof uWebSockets;

/** Where a library's binary does not load, or an address cannot be listened on: one sentence with the way out. */
export class WebSocketServerError extends ExplainedError {
  override readonly name = "WebSocketServerError";
}

/** LIBUS_LISTEN_DEFAULT shares the port with other edges (SO_REUSEPORT), LIBUS_LISTEN_EXCLUSIVE_PORT does not. */
const LISTEN = { sharing: 0, alone: 1 } as const;

interface ExclusiveApp {
  listen(host: string, port: number, options: number, callback: (listening: us_listen_socket | false) => void): unknown;
}

interface UserData<Session> {
  readonly socket: UwsSocket<Session>;
}

interface Options<Session> {
  readonly events: SocketEvents<Session>;
  /** By the port that it listens on. */
  allowedOrigins(port: number): readonly string[];
  /** Addresses, or networks of them, whose `X-Forwarded-For` says where a connection really comes from. */
  readonly trustedProxies: readonly string[];
  /** Whether newcomers are served here as well as elsewhere: what a balancer asks. */
  isServing(): boolean;
  /** Sockets open at once, whatever is spoken on them. */
  readonly socketsMax: number;
  /** One more was ended, before it could say anything. */
  onFull(): void;
}

export class WebSocketServer<Session> implements Publisher {
  readonly #library: Library;
  readonly #app: TemplatedApp;
  readonly #events: SocketEvents<Session>;
  readonly #allowedOrigins: Options<Session>["allowedOrigins"];
  readonly #proxies: Proxies;
  readonly #isServing: () => boolean;
  readonly #socketsMax: number;
  readonly #onFull: () => void;
  #origins: ReadonlySet<string> = new Set();
  #sockets = 0;
  #listening: us_listen_socket | undefined;

  /** @throws WebSocketServerError when this machine cannot load the library. */
  constructor({ events, allowedOrigins, trustedProxies, isServing, socketsMax, onFull }: Options<Session>) {
    this.#library = loadLibrary();
    this.#app = this.#library.App();
    this.#events = events;
    this.#allowedOrigins = allowedOrigins;
    this.#proxies = new Proxies(trustedProxies);
    this.#isServing = isServing;
    this.#socketsMax = socketsMax;
    this.#onFull = onFull;
    this.#route();
  }

  /** @returns the port, chosen by the system when `port` is 0. @throws WebSocketServerError */
  listen(host: string, port: number, how: keyof typeof LISTEN): number {
    const app = this.#app as TemplatedApp & ExclusiveApp; // The cast: its declarations lack this form.
    app.listen(host, port, LISTEN[how], (listening) => {
      if (listening !== false) this.#listening = listening;
    });
    if (this.#listening === undefined) {
      throw new WebSocketServerError(
        `Cannot listen for WebSockets on ${host}:${port}: the port is taken, or the address is not this machine's; ` +
          "set WS_PORT or HOST to another.",
      );
    }
    const taken = this.#library.us_socket_local_port(this.#listening);
    this.#origins = new Set(this.#allowedOrigins(taken).map((origin) => origin.toLowerCase()));
    return taken;
  }

  publish(topic: string, frame: Frame): void {
    // What it returns says nothing about delivery; `dropped` does.
    this.#app.publish(topic, frame, typeof frame !== "string");
  }

  /** Refuses new connections; those there are stay. */
  stopListening(): void {
    if (this.#listening !== undefined) this.#library.us_listen_socket_close(this.#listening);
    this.#listening = undefined;
  }

  /** Ends every connection at once. */
  close(): void {
    this.#listening = undefined;
    this.#app.close();
  }

  #route(): void {
    const events = this.#events;
    // 1 comes for every socket, before it says anything, and -1 when it ends, but not for one that has become a WebSocket.
    this.#app.filter((response, change) => {
      this.#sockets += Number(change); // The call: the declarations say `Number`, the object.
      if (change !== 1 || this.#sockets <= this.#socketsMax) return;
      response.close();
      this.#onFull();
    });
    this.#app.ws<UserData<Session>>("/v1", {
      compression: this.#library.DISABLED,
      maxPayloadLength: LIMITS.payloadBytesMax,
      maxBackpressure: LIMITS.backlogBytesMax,
      idleTimeout: LIMITS.idleTimeoutSeconds,
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (ws) => ws.getUserData().socket.open(ws, events),
      message: (ws, data, isBinary) => {
        const { socket } = ws.getUserData();
        if (!socket.isClosed) events.message(socket.session, data, isBinary);
      },
      dropped: (ws) => {
        const { socket } = ws.getUserData();
        if (!socket.isClosed) events.dropped(socket.session);
      },
      drain: (ws) => {
        const { socket } = ws.getUserData();
        if (!socket.isClosed) events.drained(socket.session);
      },
      close: (ws) => {
        const { socket } = ws.getUserData();
        socket.isClosed = true;
        this.#sockets--;
        events.closed(socket.session);
      },
    });
    this.#app.get("/health/live", (response) => answer(response, "200 OK", "ok\n"));
    this.#app.get("/health/serving", (response) => {
      if (this.#isServing()) answer(response, "200 OK", "ok\n");
      else answer(response, "503 Service Unavailable", "Without NATS, halls stand still here.\n");
    });
    this.#app.any("/v1", (response) => {
      response.cork(() => {
        response
          .writeStatus("426 Upgrade Required")
          .writeHeader("Upgrade", "websocket")
          .end("This is a WebSocket.\n", true);
      });
    });
    this.#app.any("/*", (response) => answer(response, "404 Not Found", "WebSockets are at /v1.\n"));
  }

  #upgrade(response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void {
    // Only browsers send an Origin, and they send it truly: it keeps other sites' pages from using a visitor's connection.
    const origin = request.getHeader("origin").toLowerCase();
    if (origin !== "" && !this.#origins.has(origin)) {
      return answer(response, "403 Forbidden", "Pages of this origin may not connect: see ALLOWED_ORIGINS.\n");
    }
    const offered = request.getHeader("sec-websocket-protocol");
    const protocol = chooseProtocol(offered);
    if (protocol === undefined) {
      return answer(
        response,
        "400 Bad Request",
        `Offer one of ${[...ENCODING_OF.keys()].join(", ")}, or none for JSON.\n`,
      );
    }
    const key = request.getHeader("sec-websocket-key");
    const socket = new UwsSocket<Session>(protocol.encoding, networkOf(this.#addressOf(response, request)));
    response.upgrade({ socket }, key, protocol.name, request.getHeader("sec-websocket-extensions"), context);
  }

  #addressOf(response: HttpResponse, request: HttpRequest): string {
    return this.#proxies.addressOf(response.getRemoteAddress(), () => {
      const values: string[] = [];
      request.forEach((name, value) => {
        if (name === "x-forwarded-for") values.push(value);
      });
      return values;
    });
  }
}

/** The client's first choice among those that are known; JSON when it offered none. */
function chooseProtocol(offered: string): { name: string; encoding: Encoding } | undefined {
  if (offered === "") return { name: "", encoding: "json" };
  for (const part of offered.split(",")) {
    const name = part.trim();
    const encoding = ENCODING_OF.get(name);
    if (encoding !== undefined) return { name, encoding };
  }
  return undefined;
}

/** And ends the connection: nobody has more than one thing to ask here, and one that stays takes the place of a WebSocket. */
function answer(response: HttpResponse, status: string, body: string): void {
  response.cork(() => {
    response.writeStatus(status).writeHeader("Content-Type", "text/plain; charset=utf-8").end(body, true);
  });
}

/** uWS answers so when a frame was dropped. */
const DROPPED = 2;

class UwsSocket<Session> implements Socket {
  readonly encoding: Encoding;
  readonly address: string;
  /** uWS throws when a closed socket is used, and may still bring messages to one that is closing. */
  isClosed = false;
  // Both are set by `open`, which uWS calls before all else.
  session!: Session;
  #ws!: WebSocket<UserData<Session>>;

  constructor(encoding: Encoding, address: string) {
    this.encoding = encoding;
    this.address = address;
  }

  open(ws: WebSocket<UserData<Session>>, events: SocketEvents<Session>): void {
    this.#ws = ws;
    this.session = events.accept(this);
    events.opened(this.session);
  }

  send(frame: Frame): boolean {
    return !this.isClosed && this.#ws.send(frame, typeof frame !== "string") !== DROPPED;
  }

  sendAll(frames: readonly Frame[]): boolean {
    if (this.isClosed) return false;
    let sent = true;
    this.#ws.cork(() => {
      for (const frame of frames) sent = this.send(frame) && sent;
    });
    return sent;
  }

  backlog(): number {
    return this.isClosed ? 0 : this.#ws.getBufferedAmount();
  }

  subscribe(topic: string): void {
    if (!this.isClosed) this.#ws.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (!this.isClosed) this.#ws.unsubscribe(topic);
  }

  close({ code, reason }: CloseCode): void {
    if (!this.isClosed) this.#ws.end(code, reason);
  }
}

/** To be called before anything is started that the WebSocket server needs. @throws WebSocketServerError when this machine cannot load its library */
export const requireWebSockets = (): void => void loadLibrary();

function loadLibrary(): Library {
  try {
    // Loaded here and not by an import, so that a machine without a fitting binary gets a sentence and no stack.
    return createRequire(import.meta.url)("uWebSockets.js") as Library; // The cast: its own declarations say so.
  } catch (cause) {
    throw new WebSocketServerError(
      `No binary of uWebSockets.js loads here (Node ${process.version}, ${process.platform} ${process.arch}): ` +
        "use Node 20 with glibc 2.28 or newer, or Node 22, 24 or 25 with glibc 2.38 or newer (Debian 13, Ubuntu 24.04).",
      { cause },
    );
  }
}
