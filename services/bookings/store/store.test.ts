import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import {
  EVENTS_SCHEMA,
  eventsMigrations,
  InProcessEventStream,
  DeadLetters,
  Outbox,
} from "../../../platform/events/index.ts";
import { createDatabase, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { LEASE_MS } from "../limits.ts";
import { aBooking, NOW } from "../testing/model.ts";
import { bookingsMigrations } from "./migrations.ts";
import { BookingStore } from "./store.ts";
import { BOOKINGS_SCHEMA } from "./tables.ts";

let pool: pg.Pool;
let store: BookingStore;
let close: () => Promise<void>;

beforeAll(async () => {
  const database = await testDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 8 });
  const log = pino({ level: "silent" });
  await migrate(createDatabase(pool), EVENTS_SCHEMA, eventsMigrations);
  await migrate(createDatabase(pool), BOOKINGS_SCHEMA, bookingsMigrations);
  const parts = { pool, clock: systemClock, random: systemRandom, log };
  const stream = new InProcessEventStream({ ...parts, deadLetters: new DeadLetters(parts) });
  store = new BookingStore({
    pool,
    outbox: new Outbox({ ...parts, schema: BOOKINGS_SCHEMA, source: "/test", stream }),
  });
  close = async () => {
    await pool.end();
    await database.drop();
  };
});
afterAll(() => close());

describe("a showtime that is cancelled while a booking of it is inserted", () => {
  /** So many statements wait for a lock. */
  const waiting = async (): Promise<number> =>
    (await pool.query("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"))
      .rowCount ?? 0;

  it("is not overlooked by both", async () => {
    const showtimeId = "st_inserting";
    const booking = { ...aBooking(), id: "bk_inserting", showtimeId };
    // Somebody has written the same id and not committed: our insert has begun, and waits.
    const other = await pool.connect();
    await other.query("begin");
    await other.query(
      `insert into bookings.booking (id, user_id, showtime_id, title, hold_id, status, seats, accept_other_seats, pay_by, steps, created_at, updated_at)
       values ($1, 'u', 'st_other', 't', 'h', 'pending', '[1]', false, now(), '[]', now(), now())`,
      [booking.id],
    );
    const inserting = store.insert(booking, NOW);
    await expect.poll(waiting).toBe(1);
    let isOver = false;
    const callingOff = store.callOff(showtimeId, async () => true).then(() => (isOver = true));
    await expect.poll(async () => isOver || (await waiting()) === 2).toBe(true);
    await other.query("rollback");
    other.release();
    await Promise.all([inserting, callingOff]);
    expect(await store.read(booking.id)).toMatchObject({ calledOff: true });
  });

  it("is known to an insert that comes while that is being written", async () => {
    const showtimeId = "st_cancelling";
    let write: ((isNew: boolean) => void) | undefined;
    const callingOff = store.callOff(showtimeId, () => new Promise((resolve) => (write = resolve)));
    await expect.poll(() => write !== undefined).toBe(true);
    const inserting = store.insert({ ...aBooking(), id: "bk_late", showtimeId }, NOW);
    await expect.poll(async () => (await waiting()) === 1).toBe(true);
    write?.(true);
    await callingOff;
    expect(await inserting).toMatchObject({ calledOff: true });
  });
});

describe("a lease", () => {
  it("is over after a while, unless it is renewed, and another can have it then", async () => {
    await store.insert({ ...aBooking(), id: "bk_leased" }, NOW);
    expect(await store.claim("bk_leased", NOW + LEASE_MS - 1)).toBeUndefined();
    await store.renew("bk_leased", NOW + LEASE_MS - 1);
    expect(await store.claim("bk_leased", NOW + LEASE_MS + 1)).toBeUndefined();
    expect(await store.claim("bk_leased", NOW + 2 * LEASE_MS)).toMatchObject({ version: 2 });
  });

  it("that is over is not renewed, and a fact from outside does not shorten it", async () => {
    const leased = await store.insert({ ...aBooking(), id: "bk_told" }, NOW);
    if (leased === undefined) throw new Error("it was there before");
    await store.renew("bk_told", NOW + LEASE_MS - 1);
    const change = { booking: leased.booking, told: [], lease: "keep", calledOff: false } as const;
    await store.write(leased, change, NOW + LEASE_MS - 1);
    expect(await store.claim("bk_told", NOW + LEASE_MS + 1)).toBeUndefined();
    await store.renew("bk_told", NOW + 3 * LEASE_MS);
    expect(await store.claim("bk_told", NOW + 3 * LEASE_MS)).toMatchObject({ version: 3 });
  });
});

it("knows who has ever booked", async () => {
  await store.insert({ ...aBooking(), id: "bk_once", userId: "booker" }, NOW);
  await store.insert({ ...aBooking(), id: "bk_twice", userId: "booker" }, NOW);
  expect(await store.bookersAmong(["booker", "looker"])).toEqual(["booker"]);
});
