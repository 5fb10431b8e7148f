import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { pino } from "pino";
import { InProcessBus, type Subscription } from "../../../platform/bus/index.ts";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { DeadLetters, EVENTS_SCHEMA, eventsMigrations, InProcessEventStream } from "../../../platform/events/index.ts";
import { testEvent } from "../../../platform/events/testing.ts";
import { createMetrics, type Registry } from "../../../platform/metrics/index.ts";
import { createDatabase, createPool, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import type { EventName } from "../../../proto/index.ts";
import {
  BOOKING,
  BOOKING_NEWS,
  type BookingNews,
  type BookingRecord,
  QUOTE,
  TICKETS_PDF,
  USER_CARD,
  type UserCard,
} from "../../../proto/services/index.ts";
import { bookingRecord, seatCard, SHOWTIME_CARD } from "../../../proto/services/testing.ts";
import { createNotificationsService, NOTIFICATIONS_SCHEMA, notificationsMigrations } from "../index.ts";
import type { NotificationsOptions, NotificationsService } from "../index.ts";
import { type ReadMail, readMail } from "./mime.ts";

const log = pino({ level: "silent" });

/** Stands in for bookings, catalog, identity and tickets, on their own endpoints. */
export class Peers {
  readonly bookings = new Map<string, BookingRecord>();
  readonly users = new Map<string, UserCard>();
  showtime = SHOWTIME_CARD;
  /** Whether the catalogue has the showtime no more. */
  deleted = false;
  tickets: Uint8Array | null = Buffer.from("%PDF-1.7 the tickets");
  /** The endpoints that were asked about bookings and users, in turn. */
  readonly asked: string[] = [];
  #count = 0;
  #served: readonly Subscription[] = [];

  serve(bus: InProcessBus): void {
    this.#served = [
      bus.serve(BOOKING, ({ bookingId }, answer) => {
        this.asked.push(BOOKING.name);
        answer(this.bookings.get(bookingId) ?? null);
      }),
      bus.serve(USER_CARD, ({ userId }, answer) => {
        this.asked.push(USER_CARD.name);
        answer(this.users.get(userId) ?? null);
      }),
      bus.serve(QUOTE, ({ seats }, answer) =>
        answer(this.deleted ? null : { showtime: this.showtime, seats: seats.map(seatCard) }),
      ),
      bus.serve(TICKETS_PDF, ({ bookingId }, answer) =>
        answer(this.tickets && { fileName: `tickets-${bookingId}.pdf`, bytes: this.tickets }),
      ),
    ];
  }

  /** From now on nobody answers, until `serve` is called again. */
  close(): void {
    for (const served of this.#served) served.close();
  }

  user(change: Partial<UserCard> = {}): UserCard {
    const id = `user_${++this.#count}`;
    const card = { id, role: "customer", email: `${id}@example.com`, name: "Ada Lovelace", language: "en", ...change };
    this.users.set(id, card);
    return card;
  }

  book(userId: string, change: Partial<BookingRecord> = {}): BookingRecord {
    const { showtimeId, title } = this.showtime;
    const booking = bookingRecord(`bk_${++this.#count}`, [3, 4], { userId, showtimeId, title, ...change });
    this.bookings.set(booking.bookingId, booking);
    return booking;
  }
}

export function bookingEvent(type: EventName & `booking.${string}`, booking: BookingRecord, more: object = {}) {
  const { bookingId, userId, showtimeId, status, reason, seats, total } = booking;
  const facts = { bookingId, userId, showtimeId, status, reason, seats: seats.map(({ seat }) => seat), total };
  return testEvent(type, bookingId, { ...facts, refunded: total, cancelledSeats: facts.seats, ...more });
}

export const paymentFailed = ({ bookingId, total }: BookingRecord, reason: string | null) =>
  testEvent("payment.failed", bookingId, { paymentId: "pay_1", bookingId, method: "mock", amount: total, reason });

export const userDeleted = (userId: string) => testEvent("user.deleted", userId, { userId });

export interface TestNotifications {
  readonly peers: Peers;
  readonly bus: InProcessBus;
  readonly stream: InProcessEventStream;
  readonly clock: ShiftedClock;
  readonly pool: Pool;
  readonly dataDir: string;
  readonly deadLetters: DeadLetters;
  readonly news: BookingNews[];
  /** A process of the installation, started; it is stopped at the end. */
  start(
    config?: Partial<NotificationsOptions["config"]>,
    metrics?: Registry,
    log?: NotificationsOptions["log"],
  ): Promise<NotificationsService>;
  stopAll(): Promise<void>;
  /** The rows of the mails about a booking. */
  rows(bookingId: string): Promise<MailRow[]>;
  files(): ReadMail[];
  close(): Promise<void>;
}

export interface MailRow {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly note: string | null;
  readonly user_id: string | null;
}

/** Everything real but the other domains: PostgreSQL, files, the bus and the stream. */
export async function testNotifications(): Promise<TestNotifications> {
  const clock = new ShiftedClock();
  const database = await testDatabase();
  const pool = createPool({ connectionString: database.url, max: 20, name: "notifications-test", log });
  await migrate(createDatabase(pool), NOTIFICATIONS_SCHEMA, notificationsMigrations);
  await migrate(createDatabase(pool), EVENTS_SCHEMA, eventsMigrations);
  const dataDir = mkdtempSync(join(tmpdir(), "usher-mail-"));
  const bus = new InProcessBus({ clock, log, encode: true });
  const peers = new Peers();
  peers.serve(bus);
  const news: BookingNews[] = [];
  bus.subscribe(BOOKING_NEWS, (one) => news.push(one));
  const deadLetters = new DeadLetters({ pool, clock });
  const stream = new InProcessEventStream({ clock, log, deadLetters });
  stream.start();
  const running: NotificationsService[] = [];
  const stopAll = async () => {
    for (const service of running.splice(0)) await service.stop();
  };
  return {
    peers,
    bus,
    stream,
    clock,
    pool,
    dataDir,
    deadLetters,
    news,
    stopAll,
    async start(config = {}, metrics = createMetrics("test", { ofProcess: false }), ownLog = log) {
      const plain = { dataDir, mailFrom: "tickets@usher.example", host: "127.0.0.1" };
      const service = createNotificationsService({
        pool,
        bus,
        stream,
        clock,
        random: systemRandom,
        log: ownLog,
        config: { ...plain, ...config },
        metrics,
        publicUrl: () => "https://tickets.example.com",
      });
      await service.start();
      running.push(service);
      return service;
    },
    async rows(bookingId) {
      const text = "select * from notifications.mail where event -> 'data' ->> 'bookingId' = $1 order by created_at";
      return (await pool.query<MailRow>(text, [bookingId])).rows;
    },
    files() {
      const folder = join(dataDir, "mail");
      return readdirSync(folder).map((name) => readMail(readFileSync(join(folder, name))));
    },
    async close() {
      await stopAll();
      await stream.stop();
      await bus.close();
      await pool.end();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
