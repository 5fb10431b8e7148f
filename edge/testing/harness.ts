import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach } from "vitest";
import {
  BusTokenVerifier,
  TOKEN_ALGORITHM,
  TOKEN_AUDIENCE,
  TOKEN_ISSUER,
  TOKEN_TYPE,
} from "../../platform/auth/index.ts";
import { InProcessBus } from "../../platform/bus/index.ts";
import type { Role, ShowtimeId } from "../../proto/index.ts";
import { type PublicKey, REVOCATIONS, REVOKED, SIGNING_KEYS } from "../../proto/services/index.ts";
import type { Encoding } from "../../proto/ws/index.ts";
import { createEdge, type Edge, type EdgeConfig, type EdgeOptions } from "../index.ts";
import { BoxOffice } from "./box-office.ts";
import { Client } from "./client.ts";
import { TestClock } from "./test-clock.ts";

export const SHOWTIME = "premiere" as ShowtimeId; // The cast: it is one.

const { publicKey, privateKey } = await generateKeyPair(TOKEN_ALGORITHM);
const KEY = { ...(await exportJWK(publicKey)), alg: TOKEN_ALGORITHM, use: "sig", kid: "k1" } as PublicKey; // Its shape is fixed by the algorithm.

/** An edge with a real bus, a real verifier and real sockets; only the engine stands in. */
export class Harness {
  readonly clock = new TestClock();
  readonly log = pino({ level: "silent" });
  readonly bus = new InProcessBus({ clock: this.clock, log: this.log });
  readonly engine = new BoxOffice(this.bus);
  readonly metrics = new Registry();
  readonly verifier = new BusTokenVerifier({ bus: this.bus, clock: this.clock, log: this.log });
  readonly edge: Edge;
  readonly config: EdgeConfig;
  port = 0;
  readonly #clients: Client[] = [];

  constructor({
    connectionsMax,
    usage,
    isOneOfMany = false,
    ...config
  }: Partial<EdgeConfig> & Partial<Pick<EdgeOptions, "connectionsMax" | "usage" | "isOneOfMany">> = {}) {
    this.config = {
      host: "127.0.0.1",
      wsPort: 0,
      allowedOrigins: ["http://localhost:8080"],
      trustedProxies: [],
      commandsPerSecond: 100_000,
      addressCommandsPerSecond: 1_000_000,
      connectionsPerAddress: 20_000,
      ...config,
    };
    const bounds = connectionsMax === undefined ? {} : { connectionsMax };
    const { bus, engine, clock, verifier, log, metrics } = this;
    this.edge = createEdge({
      isOneOfMany,
      ownOrigins: (port) => [`http://127.0.0.1:${port}`],
      config: this.config,
      bus,
      engine,
      verifier,
      clock,
      random: () => 0.5,
      log,
      metrics,
      usage,
      ...bounds,
    });
    bus.serve(SIGNING_KEYS, (_, answer) => answer([KEY]));
    bus.serve(REVOCATIONS, (_, answer) => answer([]));
  }

  async start(): Promise<void> {
    this.engine.open(SHOWTIME, 480);
    await this.verifier.start();
    this.port = (await this.edge.start()).port;
  }

  async stop(): Promise<void> {
    for (const { ws } of this.#clients) ws.terminate();
    await this.edge.stop();
    this.verifier.stop();
    await this.bus.close();
  }

  async connect(encoding: Encoding = "json"): Promise<Client> {
    const client = await Client.connect(this.port, encoding);
    this.#clients.push(client);
    return client;
  }

  async signedIn(encoding: Encoding = "json", user = "ann", role: Role = "customer"): Promise<Client> {
    const client = await this.connect(encoding);
    await client.signIn(await this.token({ user, role }));
    return client;
  }

  async viewer(encoding: Encoding = "json", showtime = SHOWTIME): Promise<Client> {
    const client = await this.connect(encoding);
    client.send({ op: "watch", showtime });
    await client.next("snapshot");
    return client;
  }

  token(about: { user?: string; role?: Role; family?: string; livesMs?: number } = {}): Promise<string> {
    const { user = "ann", role = "customer", family = `family-of-${user}`, livesMs = 900_000 } = about;
    const seconds = Math.floor(this.clock.now() / 1000);
    return new SignJWT({ role, fam: family, jti: `${Math.random()}` })
      .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: TOKEN_TYPE, kid: KEY.kid })
      .setSubject(user)
      .setIssuer(TOKEN_ISSUER)
      .setAudience(TOKEN_AUDIENCE)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + Math.ceil(livesMs / 1000))
      .sign(privateKey);
  }

  revoke(family: string): void {
    this.bus.publish(REVOKED, { family, until: this.clock.now() + 900_000 });
  }

  /** The sum of a metric's samples. */
  async metric(name: string): Promise<number> {
    const found = await this.metrics.getSingleMetric(name)?.get();
    return found?.values.reduce((sum, { value }) => sum + value, 0) ?? Number.NaN;
  }
}

/** A harness for each test of a file. */
export function useHarness(config: ConstructorParameters<typeof Harness>[0] = {}): { readonly edge: Harness } {
  const current: { edge: Harness } = { edge: undefined as never }; // Set before each test.
  beforeEach(async () => {
    current.edge = new Harness(config);
    await current.edge.start();
  });
  afterEach(() => current.edge.stop());
  return current;
}
