import type { Bus } from "../platform/bus/index.ts";
import { type Clock, every, sleep, type Timer, within } from "../platform/clock/index.ts";
import type { Logger } from "../platform/log/index.ts";
import type { Registry } from "../platform/metrics/index.ts";
import { CLOSE_CODES } from "../proto/index.ts";
import { Counts, exposeCounts } from "./counts.ts";
import { Audience, Ticker } from "./fan-out/index.ts";
import { openFilesMax, SharedMeters, type UsageBoard } from "./meters/index.ts";
import { LIMITS } from "./limits.ts";
import type { EdgeConfig, EngineGateway, Verifier } from "./ports.ts";
import { Commands, type Session, Sessions, SignIn, TurnBuffer } from "./sessions/index.ts";
import type { CloseCode } from "./socket.ts";
import { WebSocketServer } from "./websocket-server.ts";

export interface EdgeOptions {
  readonly config: EdgeConfig;
  readonly bus: Bus;
  readonly engine: EngineGateway;
  readonly verifier: Verifier;
  /** Origins of the address that it listens at itself, allowed besides those of the settings. */
  ownOrigins(port: number): readonly string[];
  readonly clock: Clock;
  /** From 0 up to but not 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: Registry;
  /**
   * Whether there may be other edges: they may listen on the same port of this machine, where the system deals connections out among
   * them, and they take the clients of one that drains.
   */
  readonly isOneOfMany: boolean;
  /** Connections open at once, all addresses together; what the process's file descriptors bear, unless told. */
  readonly connectionsMax?: number;
  /** Where edges tell each other what they use; without, each limits by itself. */
  readonly usage?: UsageBoard | undefined;
}

export interface Edge {
  /** @returns the port, chosen by the system where the setting is 0. @throws WebSocketServerError */
  start(): Promise<{ port: number }>;
  /** Sends clients elsewhere, serves each until it goes there, answers what is under way, then stops. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** The WebSocket edge: sessions on one side, the engine and its deltas on the other. */
export const createEdge = (options: EdgeOptions): Edge => new WebSocketEdge(options);

class WebSocketEdge implements Edge {
  readonly #options: EdgeOptions;
  readonly #connectionsMax: number;
  readonly #counts = new Counts();
  readonly #ticker: Ticker;
  readonly #audience: Audience;
  readonly #turnBuffer: TurnBuffer;
  readonly #signIn: SignIn;
  readonly #commands: Commands;
  readonly #sessions: Sessions;
  readonly #sharedMeters: SharedMeters | undefined;
  #server: WebSocketServer<Session> | undefined;
  #sweepTimer: Timer | undefined;
  /** Sweeps in a row that found the bus away. */
  #sweepsCutOff = 0;

  constructor(options: EdgeOptions) {
    const { config, bus, engine, verifier, clock, log, metrics } = options;
    const counts = this.#counts;
    this.#options = options;
    this.#connectionsMax = options.connectionsMax ?? Math.floor(openFilesMax() * LIMITS.descriptorShare);
    this.#ticker = new Ticker({ clock, counts });
    this.#audience = new Audience({ bus, engine, clock, log, counts, ticker: this.#ticker });
    this.#turnBuffer = new TurnBuffer(clock);
    this.#signIn = new SignIn({
      verifier,
      clock,
      log,
      commandsPerSecond: config.commandsPerSecond,
      refused: (session) => this.#sessions.chargeMore(session),
      settled: (session, newcomer) => this.#sessions.settled(session, newcomer),
    });
    this.#commands = new Commands({
      engine,
      signIn: this.#signIn,
      audience: this.#audience,
      turnBuffer: this.#turnBuffer,
      counts,
    });
    this.#sessions = new Sessions({
      config,
      connectionsMax: this.#connectionsMax,
      bus,
      clock,
      counts,
      signIn: this.#signIn,
      commands: this.#commands,
      audience: this.#audience,
    });
    if (options.usage !== undefined) {
      const kinds = { address: this.#sessions.addresses, user: this.#signIn.users };
      this.#sharedMeters = new SharedMeters({ board: options.usage, clock, kinds });
    }
    exposeCounts(metrics, counts, {
      connections: () => this.#sessions.size,
      connectionsMax: () => this.#connectionsMax,
      users: () => this.#signIn.users.size,
      replicas: () => this.#audience.replicas,
      inFlight: () => this.#commands.inFlight,
      tickMs: () => this.#ticker.tickMs,
    });
  }

  async start(): Promise<{ port: number }> {
    const { ownOrigins, config } = this.#options;
    const { host, wsPort, allowedOrigins, trustedProxies } = config;
    const server = new WebSocketServer({
      events: this.#sessions,
      allowedOrigins: (port) => [...allowedOrigins, ...ownOrigins(port)],
      trustedProxies,
      isServing: () => this.#sweepsCutOff === 0,
      socketsMax: Math.ceil(this.#connectionsMax * (1 + LIMITS.handshakeShare)),
      onFull: () => this.#counts.hasClosed(CLOSE_CODES.FULL),
    });
    const port = server.listen(host, wsPort, this.#options.isOneOfMany ? "sharing" : "alone");
    this.#server = server;
    this.#sessions.start();
    this.#signIn.start();
    this.#ticker.start(server);
    this.#sharedMeters?.start();
    this.#sweepTimer = every(this.#options.clock, LIMITS.sweepMs, () => {
      this.#sessions.sweep();
      this.#audience.sweep();
      this.#lookAtBus();
    });
    return { port };
  }

  async drain(): Promise<void> {
    const { clock, log, isOneOfMany } = this.#options;
    this.#server?.stopListening();
    this.#sendAway();
    // Where there is no other edge they have nowhere to go: the sooner this one ends, the sooner it is back.
    if (isOneOfMany) {
      const left = new Promise<void>((resolve) => this.#sessions.whenNone(resolve));
      await within(clock, LIMITS.reconnectSpreadMs, left, () => undefined);
    }
    const idle = new Promise<boolean>((resolve) => this.#commands.drain(() => resolve(true)));
    const isIdle = await within(clock, LIMITS.drainTimeoutMs, idle, () => false);
    if (!isIdle) log.warn({ inFlight: this.#commands.inFlight }, "stopping although commands are under way");
    await this.#stop(CLOSE_CODES.DRAINING);
  }

  async stop(): Promise<void> {
    await this.#stop(CLOSE_CODES.GOING_AWAY);
  }

  /** Without the bus the halls here stand still, while other edges show how their seats are sold. */
  #lookAtBus(): void {
    const { bus, isOneOfMany, log } = this.#options;
    this.#sweepsCutOff = bus.isConnected ? 0 : this.#sweepsCutOff + 1;
    if (!isOneOfMany || this.#sweepsCutOff !== LIMITS.cutOffSweeps) return;
    log.warn({ connections: this.#sessions.size }, "cut off from the bus: sending clients to other edges");
    this.#sendAway();
  }

  #sendAway(): void {
    const { random } = this.#options;
    for (const session of this.#sessions)
      session.send({ op: "goaway", reconnectInMs: Math.floor(random() * LIMITS.reconnectSpreadMs) });
  }

  async #stop(why: CloseCode): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#sweepTimer?.cancel();
    server.stopListening();
    this.#turnBuffer.flush();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.close(why);
    this.#sessions.stop();
    this.#signIn.stop();
    this.#ticker.stop();
    this.#sharedMeters?.stop();
    this.#audience.stop();
    // A connection that is cut while its client still sends loses what it was sent last.
    if (sessions.length > 0) await sleep(this.#options.clock, LIMITS.lingerMs);
    server.close();
  }
}
