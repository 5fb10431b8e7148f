import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, VirtualClock } from "../../../platform/clock/index.ts";
import { Outbox } from "../../../platform/events/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import type { Booking as SeenBooking } from "../../../proto/rest/index.ts";
import { LEASE_MS, NEWS_MAX, UNDOING_MAX } from "../limits.ts";
import { BookingStore, type Stored } from "../store/store.ts";
import { BOOKINGS_SCHEMA } from "../store/tables.ts";
import { aBooking, NOW } from "../testing/model.ts";
import { call, hasStatus, type Shop, until, World } from "../testing/world.ts";
import type { Booking, Fact } from "./booking.ts";
import { Saga } from "./saga.ts";
import type { Steps } from "./steps.ts";

const log = pino({ level: "silent" });
const never = <T>(): Promise<T> => new Promise<T>(() => {});

/** Whose refund is due, and was so long before anything else. */
const refunding = (at: number): Booking => ({
  ...aBooking(),
  id: `bk_stuck_${at}`,
  status: "cancelled",
  reason: "Cancelled at your wish.",
  payment: { id: `pay_stuck_${at}`, method: "mock", state: "captured", next: null, givenUp: false },
  steps: [{ do: "refund", id: `rf_stuck_${at}`, amount: 3e3 }],
  tries: 9,
  dueAt: at,
  payBy: 0,
  createdAt: 0,
});

describe("while a thousand refunds are due to which the gateway says nothing", () => {
  let world: World;
  let shop: Shop;
  let asked = 0;

  beforeAll(async () => {
    world = await World.open();
    world.payments.lie = (endpoint, honest) => {
      if (endpoint !== "payments.refund") return honest;
      asked++;
      return never();
    };
    const { pool, stream } = world;
    const outbox = new Outbox({
      pool,
      stream,
      clock: systemClock,
      random: systemRandom,
      log,
      schema: BOOKINGS_SCHEMA,
      source: "/test",
    });
    const store = new BookingStore({ pool, outbox });
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => store.insert(refunding(at), at))); // Leases of long ago.
    shop = await world.shop();
  });
  afterAll(() => world.close());

  it.each([
    ["is found by polling", "no-word"],
    ["is told of", "later"],
  ])("a payment that %s is taken", async (_how, token) => {
    await expect.poll(() => asked).toBeGreaterThanOrEqual(UNDOING_MAX);
    const holdId = await world.hold(await world.openShowtime(), "ada", [0]);
    const { id } = (await call(shop, "POST", "/bookings", { body: { holdId } })).json<SeenBooking>();
    await call(shop, "POST", `/bookings/${id}/payments`, { body: { method: "mock", token } });
    // Whoever has the booking in hand begins the payment, perhaps after the answer.
    await expect.poll(() => world.payments.starts.some(({ bookingId }) => bookingId === id)).toBe(true);
    world.payments.decide(id, "authorized");
    await until(shop, id, hasStatus("confirmed"));
  });
});

it("neither what is undone, nor what is due, nor what requests wait for takes a place from those that are paid", async () => {
  const clock = new VirtualClock(NOW);
  const claimed: string[] = [];
  let capture = (_fact: Fact): void => {};
  // Only what is asked of them by bookings whose steps get no answer.
  const store = {
    renew: async () => {},
    claim: async (id: string) => void claimed.push(id),
    write: async (before: Stored, { booking }: { booking: Booking }) => ({
      ...before,
      booking,
      leaseUntil: NOW + LEASE_MS,
    }),
  } as unknown as BookingStore;
  const steps = {
    do: (_booking: Booking, step: { do: string }) =>
      step.do === "capture" ? new Promise<Fact>((resolve) => (capture = resolve)) : never<Fact>(),
  } as unknown as Steps;
  const saga = new Saga({ store, steps, clock, rules: { graceMs: 0 }, log });
  const leased = (booking: Booking): Stored => ({
    booking,
    version: 1,
    leaseUntil: NOW + LEASE_MS,
    calledOff: false,
    updatedAt: NOW,
  });
  const advance = (booking: Booking) => void saga.advance(leased(booking), { hasNews: true });

  for (let at = 1; at < NEWS_MAX; at++) advance({ ...aBooking(), id: `bk_${at}` });
  for (let at = 0; at < NEWS_MAX; at++) {
    advance(refunding(at));
    void saga.begin(leased({ ...aBooking(), id: `bk_asked_${at}` }));
    void saga.advance(leased({ ...aBooking(), id: `bk_due_${at}` }));
  }
  const payment = { id: "pay_1", method: "mock", state: "authorized", next: null, givenUp: false } as const;
  advance({ ...aBooking(), id: "bk_last", status: "paying", payment, steps: [{ do: "capture" }] });
  const counts = () =>
    Object.fromEntries((["due", "news", "undoing", "request"] as const).map((cause) => [cause, saga.count(cause)]));
  await clock.settle();
  await saga.wake("bk_payer");
  expect([counts(), claimed]).toEqual([{ due: NEWS_MAX, news: NEWS_MAX, undoing: NEWS_MAX, request: NEWS_MAX }, []]);

  capture({ type: "refused", step: "capture", about: "pay_1", code: "CONFLICT", message: "" });
  await clock.settle();
  await saga.wake("bk_payer");
  expect([saga.count("undoing"), claimed]).toEqual([NEWS_MAX + 1, ["bk_payer"]]);
});
