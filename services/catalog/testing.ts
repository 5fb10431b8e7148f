import { pino } from "pino";
import type { Pool } from "pg";
import { InProcessBus } from "../../platform/bus/index.ts";
import { systemClock, type Clock } from "../../platform/clock/index.ts";
import type { EventStream } from "../../platform/events/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { systemRandom } from "../../platform/random/index.ts";
import {
  type Command,
  type DomainEvent,
  type HallPlan,
  type Query,
  type Reply,
  type SaleRules,
  SEAT_STATUS,
} from "../../proto/index.ts";
import { testServer, type TestServer } from "../http/testing.ts";
import { catalogMigrations } from "./migrations/index.ts";
import { createCatalogService, type CatalogService } from "./service.ts";
import { CATALOG_SCHEMA } from "./store/tables.ts";

interface Sale {
  readonly plan: HallPlan;
  rules: SaleRules;
  closed: boolean;
}

/** Sells what it is asked to, as the engine does so far as the catalogue can tell; tests say which seats are taken. */
export class OpeningEngine {
  readonly sales = new Map<string, Sale>();
  /** Every command, with its repetitions. */
  readonly commands: Command[] = [];
  /** Given in place of the next answers. */
  readonly refusals: Reply[] = [];
  /** `showtime seat` as its status. */
  readonly taken = new Map<string, 1 | 2>();

  get opens(): Extract<Command, { type: "open" }>[] {
    return this.commands.filter((command) => command.type === "open");
  }

  async ask(request: Command | Query): Promise<Reply> {
    const refusal = this.refusals.shift();
    if (refusal) return refusal;
    if (request.type !== "view" && request.type !== "get-hold") this.commands.push(request);
    const sale = this.sales.get(request.showtime);
    if (request.type === "open" && sale === undefined) {
      this.sales.set(request.showtime, { plan: request.plan, rules: request.rules, closed: false });
      return { type: "done" };
    }
    if (sale === undefined)
      return { type: "refused", code: "NOT_FOUND", message: "There is no such showtime on sale." };
    if (request.type === "open" || request.type === "amend") sale.rules = request.rules;
    if (request.type === "close") sale.closed = true;
    if (request.type !== "view") return { type: "done" };
    const statuses = Uint8Array.from(
      sale.plan.row,
      (_row, seat) => this.taken.get(`${request.showtime} ${seat}`) ?? SEAT_STATUS.free,
    );
    return { type: "view", epoch: 3, seq: 7, statuses, checksum: 0 };
  }
}

export interface TestCatalog {
  readonly pool: Pool;
  readonly bus: InProcessBus;
  readonly engine: OpeningEngine;
  readonly service: CatalogService;
  /** What was told, in order. */
  readonly events: readonly DomainEvent[];
  /** Another service on the same database, as another process would be. */
  another(engine?: OpeningEngine): CatalogService;
  server(service?: CatalogService): Promise<TestServer>;
  close(): Promise<void>;
}

/** A migrated catalogue in a database of its own, not yet started. */
export async function testCatalog({
  clock = systemClock,
  demo = true,
}: { clock?: Clock; demo?: boolean } = {}): Promise<TestCatalog> {
  const log = pino({ level: "silent" });
  const database = await testDatabase();
  const pool = createPool({ connectionString: database.url, max: 10, name: "catalog-test", log });
  await migrate(createDatabase(pool), CATALOG_SCHEMA, catalogMigrations);
  const bus = new InProcessBus({ clock, log });
  const events: DomainEvent[] = [];
  const stream: EventStream = {
    publish: async (event) => void events.push(event),
    consume: () => ({ close: async () => {} }),
  };
  const engine = new OpeningEngine();
  const create = (answering: OpeningEngine) =>
    createCatalogService({ pool, bus, stream, engine: answering, clock, random: systemRandom, log, demo });
  const service = create(engine);
  const servers: TestServer[] = [];
  return {
    pool,
    bus,
    engine,
    service,
    events,
    another: (answering = engine) => create(answering),
    async server(serving = service) {
      const server = await testServer();
      servers.push(server);
      await server.app.register(serving.routes, { prefix: "/api/v1" });
      await server.app.ready();
      return server;
    },
    async close() {
      await service.stop();
      for (const server of servers) await server.close();
      await bus.close();
      await pool.end();
      await database.drop();
    },
  };
}
