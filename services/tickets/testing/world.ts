import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LightMyRequestResponse } from "fastify";
import type { Pool } from "pg";
import { type Logger, pino } from "pino";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { DeadLetters, EVENTS_SCHEMA, eventsMigrations, InProcessEventStream } from "../../../platform/events/index.ts";
import { testEvent } from "../../../platform/events/testing.ts";
import { createDatabase, createPool, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import type { DomainEvent } from "../../../proto/index.ts";
import {
  BOOKING,
  type BookingRecord,
  HALL_PLAN,
  type PlanSeat,
  QUOTE,
  USER_CARD,
} from "../../../proto/services/index.ts";
import { bookingRecord, euros, seatCard, SHOWTIME_CARD } from "../../../proto/services/testing.ts";
import { as, testServer, type TestServer } from "../../../platform/http/testing.ts";
import { createTicketsService, TICKETS_SCHEMA, ticketsMigrations, type TicketsService } from "../index.ts";

const HOUR_MS = 3_600_000;
const log = pino({ level: "silent" });

export { euros };

/** Stands in for bookings, catalog and identity, on their own endpoints. */
export class Peers {
  readonly bookings = new Map<string, BookingRecord>();
  showtime = SHOWTIME_CARD;
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
      const told = showtimeId === showtime.showtimeId ? { showtime, seats: seats.map(seatCard) } : null;
      void Promise.resolve(this.beforeQuote()).then(() => answer(told));
    });
    bus.serve(HALL_PLAN, (_question, answer) => void Promise.resolve(this.beforePlan()).then(() => answer(this.plan)));
    bus.serve(USER_CARD, ({ userId }, answer) =>
      answer({ id: userId, role: "customer", email: `${userId}@example.com`, name: userId, language: this.language }),
    );
  }

  book(bookingId: string, seats: readonly number[], change: Partial<BookingRecord> = {}): BookingRecord {
    const { showtimeId, title } = this.showtime;
    const booking = bookingRecord(bookingId, seats, { showtimeId, title, ...change });
    this.bookings.set(bookingId, booking);
    return booking;
  }
}

export const bookingEvent = (
  type: "booking.confirmed" | "booking.refunded" | "booking.failed",
  { bookingId, userId, showtimeId, status, reason, seats, total }: BookingRecord,
): DomainEvent =>
  testEvent(type, bookingId, {
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
  another(change?: { random?: typeof systemRandom; log?: Logger; config?: { dataDir: string } }): TicketsService;
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
