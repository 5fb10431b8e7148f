import { createPrivateKey, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { pino } from "pino";
import { BusTokenVerifier, type TokenVerifier } from "../../platform/auth/index.ts";
import type { Mint } from "../../platform/auth/testing.ts";
import { InProcessBus } from "../../platform/bus/index.ts";
import { ShiftedClock } from "../../platform/clock/testing.ts";
import type { EventStream } from "../../platform/events/index.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { type TestDatabase, testDatabase } from "../../platform/postgres/testing.ts";
import { systemRandom } from "../../platform/random/index.ts";
import type { SharedCounts } from "../../platform/window-counts/index.ts";
import type { DomainEvent } from "../../proto/index.ts";
import type { DeviceCreated, DeviceRole, GuestSignedIn, PersonRole, SignedIn } from "../../proto/rest/index.ts";
import {
  createHttpServer,
  HTTP_SCHEMA,
  httpMigrations,
  type HttpServer,
  IdempotencyStore,
} from "../../platform/http/index.ts";
import type { FirstAdmin } from "./accounts/first-admin.ts";
import { keyFile } from "./keys/key-file.ts";
import { identityMigrations } from "./migrations.ts";
import { createIdentityService, type IdentityOptions, type IdentityService } from "./service.ts";
import { IDENTITY_SCHEMA } from "./tables.ts";

const HOUR_MS = 3_600_000;

export const PASSWORD = "correct horse";
const ADMIN = { email: "root@example.com", password: "a long password" };

/** Speaks to the server as a client would. */
export class TestClient {
  readonly #app: HttpServer;
  readonly #address: string;
  #count = 0;

  constructor(app: HttpServer, address = "127.0.0.1") {
    this.#app = app;
    this.#address = address;
  }

  /** The same from another IP address. */
  readonly from = (address: string) => new TestClient(this.#app, address);

  readonly ask = (
    method: "GET" | "POST" | "PUT" | "DELETE",
    url: string,
    payload?: unknown,
    headers: Record<string, string> = {},
  ) =>
    this.#app.inject({
      method,
      url: `/api/v1${url}`,
      remoteAddress: this.#address,
      headers: { ...(method === "GET" ? {} : { "content-type": "application/json" }), ...headers },
      ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
    });
  readonly post = (url: string, payload?: unknown, headers?: Record<string, string>) =>
    this.ask("POST", url, payload, headers);
  readonly put = (url: string, payload?: unknown, headers?: Record<string, string>) =>
    this.ask("PUT", url, payload, headers);
  readonly delete = (url: string, payload?: unknown, headers?: Record<string, string>) =>
    this.ask("DELETE", url, payload, headers);
  readonly get = (url: string, headers?: Record<string, string>) => this.ask("GET", url, undefined, headers);
  readonly me = (token: string) => this.get("/auth/me", bearer(token));
  readonly uniqueEmail = () => `user${(this.#count += 1)}.${randomBytes(3).toString("hex")}@example.com`;

  async register(email = this.uniqueEmail()): Promise<SignedIn & { readonly email: string }> {
    const response = await this.post("/auth/register", { email, password: PASSWORD, name: "Ann" });
    if (response.statusCode !== 201) throw new Error(`registering was refused: ${response.body}`);
    return { ...response.json<SignedIn>(), email };
  }

  async login(email: string | undefined, password: string): Promise<SignedIn> {
    return (await this.post("/auth/login", { email, password })).json<SignedIn>();
  }

  /** The first administrator's headers. */
  async admin(): Promise<Record<string, string>> {
    return bearer((await this.login(ADMIN.email, ADMIN.password)).accessToken);
  }

  async guest(): Promise<GuestSignedIn> {
    return (await this.post("/auth/guest")).json<GuestSignedIn>();
  }

  /** A person of this role, signed in since they got it. */
  async person(role: PersonRole): Promise<SignedIn & { readonly email: string }> {
    const { user, email } = await this.register();
    await this.put(`/users/${user.id}`, { role }, await this.admin());
    return { ...(await this.login(email, PASSWORD)), email };
  }

  async device(role: DeviceRole = "kiosk"): Promise<DeviceCreated & { readonly accessToken: string }> {
    const created = (await this.post("/devices", { role, name: "Foyer" }, await this.admin())).json<DeviceCreated>();
    const { accessToken } = (await this.post("/auth/device", created)).json<{ accessToken: string }>();
    return { ...created, accessToken };
  }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export const statusesOf = (answers: readonly { readonly statusCode: number }[]): number[] =>
  answers.map(({ statusCode }) => statusCode).toSorted((one, other) => one - other);

/** A part of a token, unverified. */
export const decodePart = (token: string, part: 0 | 1): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[part] ?? "", "base64url").toString()) as Record<string, unknown>; // A JWT's.

export interface TestIdentity {
  readonly client: TestClient;
  readonly app: HttpServer;
  /** The same routes behind another verifier, or with requests counted elsewhere. */
  serve(verifier: TokenVerifier, sharedCounts?: SharedCounts): Promise<HttpServer>;
  readonly identity: IdentityService;
  readonly verifier: BusTokenVerifier;
  readonly bus: InProcessBus;
  readonly clock: ShiftedClock;
  readonly pool: Pool;
  readonly database: TestDatabase;
  /** Told so far. */
  readonly events: readonly DomainEvent[];
  readonly stream: EventStream;
  readonly config: IdentityOptions["config"];
  /** Administrators so far. */
  readonly announced: readonly FirstAdmin[];
  readonly announceAdmin: IdentityOptions["announceAdmin"];
  close(): Promise<void>;
}

/**
 * Everything real: PostgreSQL, keys on disk, the bus, the verifier and the HTTP server.
 * @param beside another process of the same installation
 */
export async function testIdentity(
  changes: Partial<IdentityOptions["config"]> = {},
  beside?: TestIdentity,
): Promise<TestIdentity> {
  const log = pino({ level: "silent" });
  const clock = beside?.clock ?? new ShiftedClock();
  const random = systemRandom;
  const database = beside?.database ?? (await testDatabase());
  const pool = createPool({ connectionString: database.url, max: 10, name: "identity-test", log });
  const dataDir = beside?.config.dataDir ?? mkdtempSync(join(tmpdir(), "usher-identity-"));
  const config = {
    dataDir,
    accessTokenTtlMs: HOUR_MS / 4,
    guestTokenTtlMs: 12 * HOUR_MS,
    refreshTokenTtlMs: 720 * HOUR_MS,
    adminEmail: ADMIN.email,
    adminPassword: ADMIN.password,
    ...changes,
  };
  await migrate(createDatabase(pool), HTTP_SCHEMA, httpMigrations);
  await migrate(createDatabase(pool), IDENTITY_SCHEMA, identityMigrations);
  const bus = new InProcessBus({ clock, log });
  const events: DomainEvent[] = [];
  const stream: EventStream = {
    publish: async (event) => void events.push(event),
    consume: () => ({ close: async () => {} }),
  };
  const announced: FirstAdmin[] = [];
  const announceAdmin = (admin: FirstAdmin): void => void announced.push(admin);
  const identity = createIdentityService({ pool, bus, stream, clock, random, config, log, announceAdmin });
  await identity.start();
  const verifier = new BusTokenVerifier({ bus, clock, log });
  await verifier.start();
  const serve = async (verifier: TokenVerifier, sharedCounts?: SharedCounts): Promise<HttpServer> => {
    const app = await createHttpServer({
      config: { requestsPerSecond: 100_000, allowedOrigins: [] },
      version: "0.0.0",
      clock,
      random,
      log,
      metrics: createMetrics("test", { ofProcess: false }),
      verifier,
      idempotency: new IdempotencyStore({ pool, clock, random }),
      checks: [],
      webSocket: () => ({ port: 1 }),
      sharedCounts,
    });
    await app.register(identity.routes, { prefix: "/api/v1" });
    await app.register(identity.wellKnown);
    return app;
  };
  const app = await serve(verifier);
  return {
    client: new TestClient(app),
    app,
    serve,
    identity,
    verifier,
    bus,
    clock,
    pool,
    database,
    config,
    events,
    stream,
    announced,
    announceAdmin,
    async close() {
      await app.close();
      verifier.stop();
      await identity.stop();
      await bus.close();
      await pool.end();
      if (beside !== undefined) return;
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** With the real key, for forgers. */
export async function mintOf({ client, clock, config }: TestIdentity): Promise<Mint> {
  const [pair] = keyFile(config.dataDir).read()?.keys ?? [];
  if (pair === undefined) throw new Error("there are no keys");
  const { kid, x, d } = pair;
  const privateKey = createPrivateKey({ key: { kty: "OKP", crv: "Ed25519", x, d }, format: "jwk" });
  const { accessToken } = await client.guest();
  return { privateKey, publicKey: { kid, x }, good: accessToken, now: () => Math.floor(clock.now() / 1000) };
}
