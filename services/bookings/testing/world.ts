/** Everything around bookings: a real engine, real PostgreSQL, a real bus and event stream; `catalog` and `payments` are stood in. */
import { pino } from "pino";
import type pg from "pg";
import { Engine } from "../../../engine/index.ts";
import { FaultyJournal } from "../../../engine/testing/faulty-journal.ts";
import { smallHall } from "../../../engine/testing/small-hall.ts";
import { InProcessBus, serving } from "../../../platform/bus/index.ts";
import { systemClock } from "../../../platform/clock/index.ts";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { EngineClient } from "../../../platform/engine-client/index.ts";
import { DeadLetters, EVENTS_SCHEMA, eventsMigrations, InProcessEventStream } from "../../../platform/events/index.ts";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { createDatabase, createPool, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { until as untilThereIs } from "../../../platform/testing/until.ts";
import {
  type DomainEvent,
  EVENT_NAMES,
  holderId,
  type Reply,
  type RequestId,
  type Role,
  type SaleLimits,
  type SaleRules,
  SEAT_STATUS,
  showtimeId,
} from "../../../proto/index.ts";
import type { Booking } from "../../../proto/rest/index.ts";
import {
  LABELLED_SEATS,
  QUOTE,
  type SeatCard,
  type ShowtimeCard,
  TICKET_TYPES,
  WITHDRAW_TICKETS,
} from "../../../proto/services/index.ts";
import { euros, SHOWTIME_CARD } from "../../../proto/services/testing.ts";
import {
  createHttpServer,
  HTTP_SCHEMA,
  httpMigrations,
  type HttpServer,
  IdempotencyStore,
} from "../../../platform/http/index.ts";
import { as, plainVerifier } from "../../../platform/http/testing.ts";
import { BOOKINGS_SCHEMA, bookingsMigrations, type BookingsService, createBookingsService } from "../index.ts";
import { Mortal } from "./mortal.ts";
import { ScriptedPayments } from "./scripted-payments.ts";

const SHARDS = 1;
const SEATS = 96;
const HOUR_MS = 3_600_000;
const PATIENCE_MS = 15_000;
export const PRICE = { adult: 1_450, child: 950, senior: 1_100, student: 1_200 };
const RULES: SaleRules = {
  salesStartAt: 0,
  salesEndAt: Number.MAX_SAFE_INTEGER,
  orphan: "none",
  accessibleRelease: { when: "always" },
};
const silent = pino({ level: process.env["BOOKINGS_LOG"] ?? "silent" });

export interface WorldOptions {
  readonly limits?: Partial<SaleLimits>;
  readonly latePaymentGraceMs?: number;
}

export interface Shop {
  readonly service: BookingsService;
  readonly app: HttpServer;
  readonly mortal: Mortal;
  readonly clock: ShiftedClock;
  stop(): Promise<void>;
}

export interface Caller {
  readonly user?: string;
  readonly role?: Role;
  readonly key?: string;
}

export class World {
  readonly bus = new InProcessBus({ clock: systemClock, log: silent, encode: true });
  readonly payments = new ScriptedPayments({ bus: this.bus, log: silent });
  readonly engineClient: EngineClient;
  readonly events: DomainEvent[] = [];
  /** Whose tickets were let in, at whatever showtime. */
  readonly usedSeats = new Set<number>();
  /** Called once tickets are withdrawn, before that is answered. */
  afterWithdrawal: () => Promise<void> = () => Promise.resolve();
  /** As the catalogue says; to the engine all are the same. */
  readonly dearSeats = new Set<number>();
  readonly withdrawals: {
    readonly bookingId: string;
    readonly seats: readonly number[];
    readonly despiteUsed?: boolean;
  }[] = [];
  readonly showtime: Partial<ShowtimeCard> = {};
  readonly #options: WorldOptions;
  readonly #limits: SaleLimits;
  readonly #shops = new Set<Shop>();
  readonly #closing: (() => Promise<unknown>)[] = [];
  readonly #journal = new FaultyJournal({ clock: systemClock, fault: () => "none", latency: () => 1 });
  #engine: Engine | undefined;
  #url = "";
  #pool: pg.Pool | undefined;
  #stream: InProcessEventStream | undefined;
  #catalog: { close(): void }[] = [];
  #tickets: { close(): void } | undefined;
  #showtimes = 0;
  #rids = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.#limits = {
      holdTtlMs: 6e4,
      holdMaxMs: 18e4,
      paymentTtlMs: 6e4,
      maxSeatsPerHolder: 20,
      maxExtensions: 2,
      ...options.limits,
    };
    this.engineClient = new EngineClient({
      bus: this.bus,
      clock: systemClock,
      shards: SHARDS,
      sells: true,
      timeoutMs: 2e3,
      inFlightMax: 1e4,
    });
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(options);
    await world.#open();
    return world;
  }

  get pool(): pg.Pool {
    if (this.#pool === undefined) throw new Error("the world is not open");
    return this.#pool;
  }

  get stream(): InProcessEventStream {
    if (this.#stream === undefined) throw new Error("the world is not open");
    return this.#stream;
  }

  async #open(): Promise<void> {
    const database = await testDatabase();
    this.#url = database.url;
    const pool = createPool({ connectionString: database.url, max: 8, name: "test", log: silent });
    this.#pool = pool;
    await migrate(createDatabase(pool), EVENTS_SCHEMA, eventsMigrations);
    await migrate(createDatabase(pool), BOOKINGS_SCHEMA, bookingsMigrations);
    await migrate(createDatabase(pool), HTTP_SCHEMA, httpMigrations);
    this.#stream = new InProcessEventStream({
      clock: systemClock,
      log: silent,
      deadLetters: new DeadLetters({ pool, clock: systemClock }),
    });
    this.#stream.consume({ name: "test", types: EVENT_NAMES, handle: async (event) => void this.events.push(event) });
    this.#stream.start();
    await this.startEngine();
    this.openCatalog();
    this.openTickets();
    this.#closing.push(
      () => this.#engine?.stop() ?? Promise.resolve(),
      () => this.stream.stop(),
      () => this.bus.close(),
      () => pool.end(),
      () => database.drop(),
    );
  }

  /** The engine gives back the time that it was away, and a second more. */
  async restartEngine(): Promise<void> {
    await this.stopEngine();
    await this.startEngine();
  }

  async stopEngine(): Promise<void> {
    await this.#engine?.stop();
    this.#engine = undefined;
  }

  async startEngine(): Promise<void> {
    this.#engine = new Engine({
      journal: this.#journal,
      snapshots: { take: () => Promise.resolve(), close: () => Promise.resolve() },
      witness: { read: () => Promise.resolve(new Map()), write: () => Promise.resolve() },
      id: "test",
      bus: this.bus,
      clock: systemClock,
      log: silent,
      metrics: createMetrics("test", { ofProcess: false }),
      shards: SHARDS,
      limits: this.#limits,
      onReplaced: () => {},
    });
    await this.#engine.start();
  }

  openTickets(): void {
    const serve = serving(this.bus, silent, "tickets");
    this.#tickets = serve(WITHDRAW_TICKETS, async (question) => {
      this.withdrawals.push(question);
      const used = question.seats.filter((seat) => this.usedSeats.has(seat));
      await this.afterWithdrawal();
      return { used };
    });
  }

  closeTickets(): void {
    this.#tickets?.close();
  }

  openCatalog(): void {
    const serve = serving(this.bus, silent, "catalog");
    this.#catalog = [
      serve(QUOTE, async ({ showtimeId, seats }) => ({
        showtime: { ...showtimeCard(showtimeId), ...this.showtime },
        seats: seats.map((seat) => ({ ...seatCard(seat), ...(this.dearSeats.has(seat) && { category: "dear" }) })),
      })),
      serve(LABELLED_SEATS, async ({ labels }) => labels.map((label) => SEATS_BY_LABEL.get(label) ?? null)),
    ];
  }

  closeCatalog(): void {
    for (const served of this.#catalog.splice(0)) served.close();
  }

  /** A running service, with a server of its own. */
  async shop({ aheadMs = 0, log = silent } = {}): Promise<Shop> {
    const clock = new ShiftedClock();
    clock.goForward(aheadMs);
    const mortal = new Mortal({ url: this.#url, bus: this.bus, engine: this.engineClient });
    const metrics = createMetrics("test", { ofProcess: false });
    const service = createBookingsService({
      pool: mortal.pool,
      bus: mortal.bus,
      engine: mortal.engine,
      stream: this.stream,
      clock,
      log: silent,
      random: systemRandom,
      config: { paymentTtlMs: this.#limits.paymentTtlMs, latePaymentGraceMs: this.#options.latePaymentGraceMs ?? 6e4 },
      metrics,
    });
    await service.start();
    const app = await createHttpServer({
      config: { requestsPerSecond: 1e5, allowedOrigins: [] },
      version: "0.0.0",
      clock,
      random: systemRandom,
      log,
      metrics,
      verifier: plainVerifier,
      checks: [],
      webSocket: () => ({ port: 1 }),
      idempotency: new IdempotencyStore({ pool: this.pool, clock, random: systemRandom }),
    });
    await app.register(service.routes, { prefix: "/api/v1" });
    await app.register(service.graphql);
    await app.ready();
    const shop: Shop = {
      service,
      app,
      mortal,
      clock,
      stop: async () => {
        this.#shops.delete(shop);
        if (!mortal.dead) {
          await service.stop();
          await mortal.pool.end();
        }
        await app.close();
      },
    };
    this.#shops.add(shop);
    return shop;
  }

  /** A showtime of 96 seats, 12 a row, that nobody else has. */
  async openShowtime(): Promise<string> {
    const showtime = showtimeId(`st_${++this.#showtimes}`);
    const reply = await this.engineClient.ask({
      type: "open",
      showtime,
      holder: holderId("catalog"),
      rid: this.#rid(),
      plan: smallHall(SEATS),
      rules: RULES,
    });
    if (reply.type !== "done") throw new Error(JSON.stringify(reply));
    return showtime;
  }

  /** Its sale and its show are over. */
  async endShow(showtime: string): Promise<void> {
    const now = Date.now();
    const rules = { ...RULES, salesEndAt: now, showEndsAt: now };
    const address = { showtime: showtimeId(showtime), holder: holderId("catalog"), rid: this.#rid() };
    const reply = await this.engineClient.ask({ type: "amend", ...address, rules });
    if (reply.type !== "done") throw new Error(JSON.stringify(reply));
  }

  /** The id of a hold of these seats. */
  async hold(showtime: string, user: string, seats: readonly number[]): Promise<string> {
    const reply = await this.ask(showtime, user, seats);
    if (reply.type !== "held") throw new Error(JSON.stringify(reply));
    return reply.hold;
  }

  ask(showtime: string, user: string, seats: readonly number[]): Promise<Reply> {
    return this.engineClient.ask({
      type: "hold",
      showtime: showtimeId(showtime),
      holder: holderId(user),
      rid: this.#rid(),
      seats,
    });
  }

  /** The seats that are booked, as the engine says. */
  async booked(showtime: string): Promise<number[]> {
    return this.#seats(showtime, SEAT_STATUS.booked);
  }

  async free(showtime: string): Promise<number> {
    return (await this.#seats(showtime, SEAT_STATUS.free)).length;
  }

  async #seats(showtime: string, status: number): Promise<number[]> {
    const view = await this.engineClient.ask({ type: "view", showtime: showtimeId(showtime) });
    if (view.type !== "view") throw new Error(JSON.stringify(view));
    return Array.from(view.statuses.keys()).filter((seat) => view.statuses[seat] === status);
  }

  eventsOf(bookingId: string): string[] {
    return this.events.filter(({ subject }) => subject === bookingId).map(({ type }) => type);
  }

  async close(): Promise<void> {
    for (const shop of this.#shops) await shop.stop();
    for (const close of this.#closing) await close();
  }

  #rid(): RequestId {
    return `test-${++this.#rids}` as RequestId;
  }
}

export const call = (
  shop: Shop,
  method: "GET" | "POST",
  path: string,
  { body, user = "ada", role, key }: Caller & { readonly body?: unknown } = {},
) =>
  shop.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { ...as(user, role), ...(key !== undefined && { "idempotency-key": key }) },
    ...(body !== undefined && { payload: body as object }), // Some are hostile: they are sent as they are.
  });

export const read = async (shop: Shop, id: string, caller: Caller = {}): Promise<Booking> =>
  (await call(shop, "GET", `/bookings/${id}`, caller)).json<Booking>();

/** The booking once it is as wished; fails with what it was last. */
export async function until(
  shop: Shop,
  id: string,
  wish: (booking: Booking) => boolean,
  caller: Caller = {},
): Promise<Booking> {
  let last: Booking | undefined;
  const look = async (): Promise<Booking | undefined> => {
    last = await read(shop, id, caller);
    return wish(last) ? last : undefined;
  };
  return untilThereIs(look, () => `another booking than ${JSON.stringify(last)}`, PATIENCE_MS);
}

export const hasStatus =
  (...statuses: Booking["status"][]) =>
  (booking: Booking) =>
    statuses.includes(booking.status);

const seatCard = (seat: number): SeatCard => ({
  seat,
  number: (seat % 12) + 1,
  row: rowOf(seat),
  section: "Hall",
  category: "standard",
  categoryName: "Standard",
  label: `${rowOf(seat)}${(seat % 12) + 1}`,
  prices: Object.fromEntries(TICKET_TYPES.map((type) => [type, euros(PRICE[type])])) as SeatCard["prices"],
});
const rowOf = (seat: number): string => String.fromCharCode(65 + Math.floor(seat / 12));

const SEATS_BY_LABEL: ReadonlyMap<string, number> = new Map(
  Array.from({ length: SEATS }, (_, seat) => [seatCard(seat).label, seat]),
);

const showtimeCard = (showtime: string): ShowtimeCard => {
  const at = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();
  return {
    ...SHOWTIME_CARD,
    showtimeId: showtime,
    startsAt: at(48),
    endsAt: at(50),
    salesEndAt: at(48),
    cancelUntil: at(24),
  };
};
