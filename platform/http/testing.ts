import type { Pool } from "pg";
import { pino } from "pino";
import { InvalidToken, type Principal, type TokenVerifier } from "../auth/index.ts";
import { systemClock } from "../clock/index.ts";
import { createMetrics } from "../metrics/index.ts";
import { createDatabase, createPool, migrate } from "../postgres/index.ts";
import { testDatabase } from "../postgres/testing.ts";
import { systemRandom } from "../random/index.ts";
import { holderId, type Role } from "../../proto/index.ts";
import { HTTP_SCHEMA, httpMigrations, IdempotencyStore } from "./idempotency/index.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "./server.ts";

/** Takes `<user>.<role>` for a token, for tests of what begins after the verifier. */
export const plainVerifier: TokenVerifier = {
  async verify(token): Promise<Principal> {
    const [user = "", role] = token.split(".");
    if (role === undefined) throw new InvalidToken("not a token");
    return { userId: holderId(user), role: role as Role, family: user, expiresAt: Number.MAX_SAFE_INTEGER }; // The tests write real ones.
  },
  onRevoked: () => ({ close() {} }),
};

export interface TestServer {
  readonly app: HttpServer;
  readonly store: IdempotencyStore;
  readonly pool: Pool;
  close(): Promise<void>;
}

/** A server with its own database; the caller adds routes and listens or injects. */
export async function testServer(options: Partial<HttpServerOptions> = {}): Promise<TestServer> {
  const log = pino({ level: "silent" });
  const database = await testDatabase();
  const pool = createPool({ connectionString: database.url, max: 5, name: "http-test", log });
  const clock = options.clock ?? systemClock;
  await migrate(createDatabase(pool), HTTP_SCHEMA, httpMigrations);
  const store = new IdempotencyStore({ pool, clock, random: systemRandom });
  const app = await createHttpServer({
    config: { requestsPerSecond: 100_000, allowedOrigins: ["https://tickets.example.com"] },
    version: "1.2.3",
    clock,
    random: systemRandom,
    log,
    metrics: createMetrics("test", { ofProcess: false }),
    verifier: plainVerifier,
    idempotency: store,
    checks: [],
    webSocket: () => ({ port: 8081 }),
    ...options,
  });
  return {
    app,
    store,
    pool,
    async close() {
      await app.drain();
      await app.close();
      await pool.end();
      await database.drop();
    },
  };
}

export const as = (user: string, role: Role = "customer") => ({ authorization: `Bearer ${user}.${role}` });
