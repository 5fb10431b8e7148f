import type pg from "pg";
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
import { createDatabase, createPool, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { LEASE_MS } from "../limits.ts";
import type { Booking, Told } from "../saga/booking.ts";
import { aBooking, NOW } from "../testing/model.ts";
import { bookingsMigrations } from "./migrations.ts";
import { BookingStore, type Stored } from "./store.ts";
import { BOOKINGS_SCHEMA } from "./tables.ts";

let pool: pg.Pool;
let store: BookingStore;
let outbox: Outbox;
let close: () => Promise<void>;

const log = pino({ level: "silent" });

beforeAll(async () => {
  const database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 8, name: "test", log });
  await migrate(createDatabase(pool), EVENTS_SCHEMA, eventsMigrations);
  await migrate(createDatabase(pool), BOOKINGS_SCHEMA, bookingsMigrations);
  const parts = { pool, clock: systemClock, random: systemRandom, log };
  const stream = new InProcessEventStream({ ...parts, deadLetters: new DeadLetters(parts) });
  outbox = new Outbox({ ...parts, schema: BOOKINGS_SCHEMA, source: "/test", stream });
  store = new BookingStore({ pool, outbox });
  close = async () => {
    await pool.end();
    await database.drop();
  };
});
afterAll(() => close());

it("events of a booking say of which version they tell, for the clocks of two processes may not agree", async () => {
  const first = await store.insert({ ...aBooking(), id: "bk_versions" }, NOW);
  const tell = (before: Stored, type: Told["type"], now: number) =>
    store.write(before, { ...before, told: [{ type }], lease: "drop" }, now);
  const second = await tell(first!, "booking.expired", NOW + 900);
  await tell((await store.fence(second!.booking.id))!, "booking.confirmed", NOW);
  const { rows } = await pool.query(
    "select event ->> 'type' as type, (event #>> '{data,version}')::int as version from bookings.outbox where subject = 'bk_versions' order by 2",
  );
  expect(rows).toEqual([
    { type: "booking.expired", version: 2 },
    { type: "booking.confirmed", version: 4 },
  ]);
});

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

describe("what is due", () => {
  const long = NOW - 10 * LEASE_MS; // So that no lease is left.
  const insert = (id: string, changes: Partial<Booking>) =>
    store.insert({ ...aBooking(), ...changes, id, showtimeId: `st_${id}` }, long);
  const claimed = async (undoing: boolean, limit = 100) =>
    (await store.claimDue(limit, NOW, { undoing }))
      .map(({ booking }) => booking.id)
      .filter((id) => id.startsWith("bk_due"));
  const attempt = { id: "pay_1", method: "mock", state: "pending", next: null, givenUp: false } as const;

  beforeAll(() => pool.query("delete from bookings.booking"));

  it("is what payers wait for, or what is undone, the first of which is what was called off", async () => {
    await insert("bk_due_pin", { dueAt: NOW - 2 });
    await insert("bk_due_watch", { dueAt: NOW - 1, payment: attempt, steps: [{ do: "watch" }] });
    await insert("bk_due_unpaid", { dueAt: NOW, steps: [] });
    await insert("bk_due_later", { dueAt: NOW + 1 });
    await insert("bk_due_release", { dueAt: NOW - 4, steps: [{ do: "release", id: "all" }] });
    await insert("bk_due_void", { dueAt: NOW - 3, payment: attempt, steps: [{ do: "void" }] });
    await insert("bk_due_refund", { dueAt: NOW - 2, steps: [{ do: "refund", id: "rf_1", amount: 1 }] });
    const givenUp = { ...attempt, givenUp: true };
    await insert("bk_due_given_up", { dueAt: NOW - 1, payment: givenUp, steps: [{ do: "watch" }] });
    await insert("bk_due_called_off", { dueAt: null, status: "confirmed", steps: [] });
    await store.callOff("st_bk_due_called_off", async () => true);
    expect(await claimed(false, 1)).toEqual(["bk_due_pin"]);
    expect(await claimed(false)).toEqual(expect.arrayContaining(["bk_due_watch", "bk_due_unpaid"]));
    expect(await claimed(true, 1)).toEqual(["bk_due_called_off"]);
    const undone = ["bk_due_release", "bk_due_void", "bk_due_refund", "bk_due_given_up"];
    expect((await claimed(true)).sort()).toEqual(undone.sort());
    expect([await claimed(true), await claimed(false)]).toEqual([[], []]);
  });

  it("is what payers wait for as soon as that is written, and no longer", async () => {
    const leased = await insert("bk_due_written", { dueAt: NOW, steps: [{ do: "release", id: "all" }] });
    if (leased === undefined) throw new Error("it was there before");
    const booking = { ...leased.booking, steps: [] };
    await store.write(leased, { booking, told: [], lease: "drop", calledOff: false }, NOW);
    expect([await claimed(true), await claimed(false)]).toEqual([[], ["bk_due_written"]]);
  });
});

describe("a look for what is due", () => {
  const PASSED = 5_000;
  /** One connection, so that PostgreSQL's counters can be asked for all that it has done. */
  let looking: pg.Pool;
  beforeAll(async () => {
    looking = createPool({ connectionString: pool.options.connectionString ?? "", max: 1, name: "looking", log });
    await pool.query("alter table bookings.booking set (autovacuum_enabled = false)");
  });
  afterAll(async () => {
    await pool.query("alter table bookings.booking reset (autovacuum_enabled)");
    await looking.end();
  });

  /** Bookings that were due twice and are over: each has left two dead entries in the queue's index. */
  async function passThrough(undoing: boolean): Promise<void> {
    await pool.query("delete from bookings.booking");
    await pool.query(
      `insert into bookings.booking (id, user_id, showtime_id, title, hold_id, status, seats, accept_other_seats, pay_by, steps, created_at,
         updated_at, undoing, due_at)
       select 'bk_over_' || n, 'u', 'st_over', repeat('t', 500), 'h', 'cancelled', '[1]', false, now(), '[]', now(), now(), $2, to_timestamp(n)
       from generate_series(1, $1) n`,
      [PASSED, undoing],
    );
    await pool.query("update bookings.booking set due_at = due_at + interval '1 minute'");
    await pool.query("update bookings.booking set due_at = null");
    await pool.query("analyze bookings.booking");
  }

  /** Of the table and of its indexes. */
  async function pagesSeen(): Promise<number> {
    await looking.query("select pg_stat_force_next_flush()");
    const { rows } = await looking.query<{ pages: string }>(
      `select heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit as pages
       from pg_statio_user_tables where relid = 'bookings.booking'::regclass`,
    );
    return Number(rows[0]?.pages);
  }

  it.each([true, false])("passes over the dead that the one before came across (undoing: %s)", async (undoing) => {
    await passThrough(undoing);
    const looker = new BookingStore({ pool: looking, outbox });
    const pagesOfALook = async (): Promise<number> => {
      const before = await pagesSeen();
      expect(await looker.claimDue(100, NOW, { undoing })).toEqual([]);
      return (await pagesSeen()) - before;
    };
    expect(await pagesOfALook()).toBeGreaterThan(PASSED / 50);
    // The index alone, which has some hundred entries to a page. While somebody else still sees the dead, as an ANALYZE under way does, they stay.
    await expect.poll(pagesOfALook, { timeout: 20_000 }).toBeLessThan(PASSED / 50);
  });
});

it("knows who has ever booked", async () => {
  await store.insert({ ...aBooking(), id: "bk_once", userId: "booker" }, NOW);
  await store.insert({ ...aBooking(), id: "bk_twice", userId: "booker" }, NOW);
  expect(await store.bookersAmong(["booker", "looker"])).toEqual(["booker"]);
});
