import { pino } from "pino";
import type { Pool } from "pg";
import { InProcessBus, type Subscription } from "../../platform/bus/index.ts";
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
  type Role,
  type SaleRules,
  SEAT_STATUS,
} from "../../proto/index.ts";
import { WAS_BOOKED } from "../../proto/services/index.ts";
import type { CinemaWithHalls, HallPlanView, Movie, NewHall, Showtime } from "../../proto/rest/index.ts";
import { as, testServer, type TestServer } from "../../platform/http/testing.ts";
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
  /** `showtime seat` each. */
  readonly blocked = new Set<string>();

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
    if (request.type === "block") for (const seat of request.seats) this.blocked.add(`${request.showtime} ${seat}`);
    if (request.type === "unblock")
      for (const seat of request.seats) this.blocked.delete(`${request.showtime} ${seat}`);
    if (request.type !== "view") return { type: "done" };
    const statuses = Uint8Array.from(sale.plan.row, (_row, seat) => {
      const name = `${request.showtime} ${seat}`;
      return this.taken.get(name) ?? (this.blocked.has(name) ? SEAT_STATUS.blocked : SEAT_STATUS.free);
    });
    return { type: "view", epoch: 3, seq: 7, statuses, checksum: 0 };
  }
}

export interface TestCatalog {
  readonly pool: Pool;
  readonly bus: InProcessBus;
  readonly engine: OpeningEngine;
  /** Showtimes that somebody has booked. */
  readonly booked: Set<string>;
  /** Which says so until it is closed. */
  readonly bookings: Subscription;
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
  const booked = new Set<string>();
  const bookings = bus.serve(WAS_BOOKED, ({ showtimeId }, answer) => answer({ booked: booked.has(showtimeId) }));
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
    booked,
    bookings,
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

export interface Asked {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  /** An admin when left out; nobody for null. */
  readonly role?: Role | null;
  readonly headers?: Record<string, string>;
}

/** The API as a client has it. */
export function clientOf(server: TestServer) {
  const ask = (path: string, { method = "GET", body, role = "admin", headers = {} }: Asked = {}) =>
    server.app.inject({
      method,
      url: `/api/v1${path}`,
      headers: { ...(role !== null && as("somebody", role)), ...headers },
      ...(body !== undefined && { payload: body as object }), // `inject` sends whatever JSON can say.
    });
  const made = async <Made>(path: string, body: object): Promise<Made> => {
    const response = await ask(path, { method: "POST", body });
    if (response.statusCode !== 201) throw new Error(`${path}: ${response.body.slice(0, 500)}`);
    return response.json<Made>();
  };
  return {
    ask,
    movie: (title = "The Lodger") => made<Movie>("/movies", { title, durationMinutes: 90 }),
    cinema: (name = "Capitol") => made<CinemaWithHalls>("/cinemas", { name, timeZone: "Europe/Berlin" }),
    hall: (cinemaId: string, change: Partial<NewHall> = {}) =>
      made<HallPlanView>("/halls", { cinemaId, ...smallHall, ...change }),
    showtime: (movieId: string, hallId: string, startsAt: number, change: object = {}) =>
      made<Showtime>("/showtimes", { ...showtimeBody(movieId, hallId, startsAt), ...change }),
  };
}

/** Statuses of answers that came in any order. */
export const statusesOf = (answers: readonly { readonly statusCode: number }[]): number[] =>
  answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b);

/** Ten seats in two rows. */
export const smallHall = {
  name: "Blue room",
  categories: [{ id: "all", name: "All" }],
  sections: [
    {
      name: "Floor",
      rows: [
        { name: "A", category: "all", parts: [5] },
        { name: "B", category: "all", parts: [3, 2] },
      ],
    },
  ],
};

export const showtimeBody = (movieId: string, hallId: string, startsAt: number) => ({
  movieId,
  hallId,
  startsAt: new Date(startsAt).toISOString(),
  prices: [{ category: "all", adult: { amount: 1_000, currency: "EUR" } }],
});

export const HOUR_MS = 3_600_000;
