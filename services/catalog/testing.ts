import { pino } from "pino";
import type { Pool } from "pg";
import { systemClock, type Clock } from "../../platform/clock/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import type { Command, HallPlan, Query, Reply } from "../../proto/index.ts";
import { testServer, type TestServer } from "../http/testing.ts";
import { catalogMigrations } from "./migrations/index.ts";
import { createCatalogService, type CatalogService } from "./service.ts";
import { CATALOG_SCHEMA } from "./store/tables.ts";

/** Opens what it is asked to, and shows every seat of it as free but the first, which is held. */
export class OpeningEngine {
  readonly plans = new Map<string, HallPlan>();
  /** Every open command, with its repetitions. */
  readonly opens: Extract<Command, { type: "open" }>[] = [];
  /** Given in place of the next answers. */
  readonly refusals: Reply[] = [];

  async ask(request: Command | Query): Promise<Reply> {
    const refusal = this.refusals.shift();
    if (refusal) return refusal;
    if (request.type === "open") {
      this.opens.push(request);
      this.plans.set(request.showtime, request.plan);
      return { type: "done" };
    }
    const plan = this.plans.get(request.showtime);
    if (plan === undefined)
      return { type: "refused", code: "NOT_FOUND", message: "There is no such showtime on sale." };
    return { type: "view", epoch: 3, seq: 7, statuses: new Uint8Array(plan.row.length).fill(1, 0, 1), checksum: 0 };
  }
}

export interface TestCatalog {
  readonly pool: Pool;
  readonly engine: OpeningEngine;
  readonly service: CatalogService;
  /** Another service on the same database, as another process would be. */
  another(engine?: OpeningEngine): CatalogService;
  server(): Promise<TestServer>;
  close(): Promise<void>;
}

/** A migrated catalogue in a database of its own, not yet started. */
export async function testCatalog({
  clock = systemClock,
  demo = true,
}: { clock?: Clock; demo?: boolean } = {}): Promise<TestCatalog> {
  const log = pino({ level: "silent" });
  const database = await testDatabase();
  const pool = createPool({ connectionString: database.url, max: 5, name: "catalog-test", log });
  await migrate(createDatabase(pool), CATALOG_SCHEMA, catalogMigrations);
  const engine = new OpeningEngine();
  const create = (answering: OpeningEngine) => createCatalogService({ pool, engine: answering, clock, log, demo });
  const service = create(engine);
  const servers: TestServer[] = [];
  return {
    pool,
    engine,
    service,
    another: (answering = engine) => create(answering),
    async server() {
      const server = await testServer();
      servers.push(server);
      await server.app.register(service.routes, { prefix: "/api/v1" });
      await server.app.ready();
      return server;
    },
    async close() {
      await service.stop();
      for (const server of servers) await server.close();
      await pool.end();
      await database.drop();
    },
  };
}
