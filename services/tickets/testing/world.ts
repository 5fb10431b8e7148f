import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LightMyRequestResponse } from "fastify";
import type { Pool } from "pg";
import { pino } from "pino";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { DeadLetters, EVENTS_SCHEMA, eventsMigrations, InProcessEventStream } from "../../../platform/events/index.ts";
import { createDatabase, createPool, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import type { DomainEvent, EventData, EventName } from "../../../proto/index.ts";
import {
  BOOKING,
  type BookingRecord,
  HALL_PLAN,
  type PlanSeat,
  QUOTE,
  type ShowtimeCard,
  USER_CARD,
} from "../../../proto/services/index.ts";
import { as, testServer, type TestServer } from "../../../platform/http/testing.ts";
import { createTicketsService, TICKETS_SCHEMA, ticketsMigrations, type TicketsService } from "../index.ts";

const HOUR_MS = 3_600_000;
const log = pino({ level: "silent" });

export const euros = (amount: number) => ({ amount, currency: "EUR" });

/** Stands in for bookings, catalog and identity, on their own endpoints. */
export class Peers {
  readonly bookings = new Map<string, BookingRecord>();
  showtime: ShowtimeCard = {
    showtimeId: "st_metropolis",
    movieId: "mv_1",
    title: "Metropolis",
    cinemaName: "Astoria Lichtspiele",
    cinemaAddress: "Kantstraße 48, 10625 Berlin",
    hallName: "Großer Saal",
    timeZone: "Europe/Berlin",
    startsAt: "2027-01-15T19:15:00.000Z",
    endsAt: "2027-01-15T22:00:00.000Z",
    salesEndAt: "2027-01-15T19:15:00.000Z",
    cancelUntil: "2027-01-15T17:15:00.000Z",
    cancelled: false,
    currency: "EUR",
  };
  /** As the catalogue remembers it, which nobody has told of changes. */
  readonly remembered = this.showtime;
  plan: PlanSeat[] = Array.from({ length: 200 }, (_, seat) => ({
    x: (seat % 20) * 55,
    y: Math.floor(seat / 20) * 100,
  }));
  language = "de";
  /** How often bookings were asked for. */
  asked = 0;
  /** Those that were asked for with a fence. */
  readonly fenced: string[] = [];
  /** Called before a booking is told; it may wait, or change something. */
  beforeBooking: () => Promise<void> | void = () => {};
  /** Called before seats and showtime are told, as they were when they were asked for; it may change something. */
  beforeQuote: () => Promise<void> | void = () => {};
  /** Called before a hall's plan is told; it may wait. */
  beforePlan: () => Promise<void> | void = () => {};
  /** While set, nobody answers for bookings. */
  silent = false;

  serve(bus: InProcessBus): void {
    bus.serve(BOOKING, ({ bookingId, fence = false }, answer) => {
      this.asked++;
      if (fence) this.fenced.push(bookingId);
      if (this.silent) return;
      const told = this.bookings.get(bookingId) ?? null;
      void Promise.resolve(this.beforeBooking()).then(() => answer(told));
    });
    bus.serve(QUOTE, ({ showtimeId, seats, fresh = false }, answer) => {
      const showtime = fresh ? this.showtime : this.remembered;
      const told = showtimeId === showtime.showtimeId ? { showtime, seats: seats.map(cardOf) } : null;
      void Promise.resolve(this.beforeQuote()).then(() => answer(told));
    });
    bus.serve(HALL_PLAN, (_question, answer) => void Promise.resolve(this.beforePlan()).then(() => answer(this.plan)));
    bus.serve(USER_CARD, ({ userId }, answer) =>
      answer({ id: userId, role: "customer", email: `${userId}@example.com`, name: userId, language: this.language }),
    );
  }

  book(bookingId: string, seats: readonly number[], change: Partial<BookingRecord> = {}): BookingRecord {
    const booking: BookingRecord = {
      bookingId,
      userId: "ada",
      showtimeId: this.showtime.showtimeId,
      title: this.showtime.title,
      status: "confirmed",
      reason: null,
      seats: seats.map((seat) => ({ seat, label: cardOf(seat).label, ticketType: "adult", price: euros(1_250) })),
      total: euros(1_250 * seats.length),
      createdAt: "2027-01-01T12:00:00.000Z",
      ...change,
    };
    this.bookings.set(bookingId, booking);
    return booking;
  }
}

const cardOf = (seat: number) => {
  const row = String.fromCharCode(65 + Math.floor(seat / 20));
  const number = (seat % 20) + 1;
  const prices = { adult: euros(1_250), child: euros(900), senior: euros(1_000), student: euros(1_000) };
  return {
    seat,
    label: `${row}${number}`,
    section: "Parkett",
    row,
    number,
    prices,
    category: "standard",
    categoryName: "Standard",
  };
};

let eventCount = 0;

export function eventOf<Name extends EventName>(type: Name, subject: string, data: EventData[Name]): DomainEvent<Name> {
  return {
    specversion: "1.0",
    id: `evt_${++eventCount}`,
    source: "/usher/test",
    type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data,
  };
}

export const bookingEvent = (
  type: "booking.confirmed" | "booking.refunded" | "booking.failed",
  { bookingId, userId, showtimeId, status, reason, seats, total }: BookingRecord,
): DomainEvent =>
  eventOf(type, bookingId, {
    bookingId,
    userId,
    showtimeId,
    status,
    reason,
    total,
    seats: seats.map(({ seat }) => seat),
    refunded: total,
  }) as DomainEvent; // One of those three.

export interface TestTickets {
  readonly server: TestServer;
  readonly service: TicketsService;
  readonly peers: Peers;
  readonly bus: InProcessBus;
  readonly stream: InProcessEventStream;
  readonly clock: ShiftedClock;
  readonly pool: Pool;
  readonly dataDir: string;
  readonly issued: DomainEvent<"ticket.issued">[];
  /** Another process of the same installation. */
  another(change?: { random?: typeof systemRandom }): TicketsService;
  call(method: "GET" | "POST", path: string, options?: CallOptions): Promise<LightMyRequestResponse>;
  close(): Promise<void>;
}

interface CallOptions {
  readonly body?: object;
  readonly user?: string;
  readonly role?: Parameters<typeof as>[1];
  readonly key?: string;
}

/** Everything real but the other domains: PostgreSQL, keys on disk, the bus, the stream and the HTTP server. */
export async function testTickets(): Promise<TestTickets> {
  const clock = new ShiftedClock();
  const peers = new Peers();
  clock.setTo(Date.parse(peers.showtime.startsAt) - HOUR_MS);
  const database = await testDatabase();
  const pool = createPool({ connectionString: database.url, max: 20, name: "tickets-test", log });
  await migrate(createDatabase(pool), TICKETS_SCHEMA, ticketsMigrations);
  await migrate(createDatabase(pool), EVENTS_SCHEMA, eventsMigrations);
  const dataDir = mkdtempSync(join(tmpdir(), "usher-tickets-"));
  const bus = new InProcessBus({ clock, log, encode: true });
  peers.serve(bus);
  const stream = new InProcessEventStream({ clock, log, deadLetters: new DeadLetters({ pool, clock }) });
  stream.start();
  const issued: DomainEvent<"ticket.issued">[] = [];
  stream.consume({ name: "test", types: ["ticket.issued"], handle: async (event) => void issued.push(event) });
  const another: TestTickets["another"] = (change = {}) =>
    createTicketsService({ pool, bus, stream, clock, random: systemRandom, log, config: { dataDir }, ...change });
  const service = another();
  await service.start();
  const server = await testServer();
  await server.app.register(service.routes, { prefix: "/api/v1" });
  await server.app.register(service.wellKnown);
  return {
    server,
    service,
    peers,
    bus,
    stream,
    clock,
    pool,
    dataDir,
    issued,
    another,
    call: (method, path, { body, user = "ada", role, key } = {}) =>
      server.app.inject({
        method,
        url: path.startsWith("/.") ? path : `/api/v1${path}`,
        headers: { ...as(user, role), ...(key !== undefined && { "idempotency-key": key }) },
        ...(body !== undefined && { payload: body }),
      }),
    async close() {
      await server.close();
      await service.stop();
      await stream.stop();
      await bus.close();
      await pool.end();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
