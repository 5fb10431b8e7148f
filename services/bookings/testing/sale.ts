import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Booking } from "../../../proto/rest/index.ts";
import { call, type Shop, World } from "./world.ts";

/** Where nobody is to be late. */
const PAY_MS = 60_000;
const GRACE_MS = 4_000;

type Answer = Awaited<ReturnType<typeof call>>;

export interface Sale {
  readonly world: World;
  readonly shop: Shop;
  /** That no other test has. */
  readonly showtime: string;
  /** Ada holds the seats and books them. */
  readonly book: (seats: readonly number[], more?: object) => Promise<Booking>;
  readonly pay: (id: string, token?: string, on?: Shop) => Promise<Answer>;
  readonly cancel: (id: string, seats?: number[]) => Promise<Answer>;
  /** What is still to be done for the booking. */
  readonly stepsOf: (id: string) => Promise<string[]>;
}

/** A world with one shop for the tests of a file. `payMs` is the time to pay, `graceMs` that in which money may come late; a hold lasts long. */
export function useSale({ payMs = PAY_MS, graceMs = GRACE_MS } = {}): Sale {
  let world: World;
  let shop: Shop;
  let showtime: string;

  beforeAll(async () => {
    world = await World.open({
      limits: { paymentTtlMs: payMs, holdTtlMs: PAY_MS, maxSeatsPerHolder: 96 },
      latePaymentGraceMs: graceMs,
    });
    shop = await world.shop();
  });
  beforeEach(async () => {
    showtime = await world.openShowtime();
  });
  afterEach(() => {
    world.payments.lie = (_endpoint, honest) => honest;
  });
  afterAll(() => world.close());

  return {
    get world() {
      return world;
    },
    get shop() {
      return shop;
    },
    get showtime() {
      return showtime;
    },
    async book(seats, more = {}) {
      const holdId = await world.hold(showtime, "ada", seats);
      const created = await call(shop, "POST", "/bookings", { body: { holdId, ...more } });
      if (created.statusCode !== 201) throw new Error(created.body);
      return created.json<Booking>();
    },
    pay: (id, token, on = shop) =>
      call(on, "POST", `/bookings/${id}/payments`, { body: { method: "mock", ...(token !== undefined && { token }) } }),
    cancel: (id, seats) => call(shop, "POST", `/bookings/${id}/cancel`, { body: seats && { seats } }),
    async stepsOf(id) {
      const { rows } = await world.pool.query<{ steps: { do: string }[] }>(
        "select steps from bookings.booking where id = $1",
        [id],
      );
      return rows[0]?.steps.map((step) => step.do) ?? [];
    },
  };
}

export const over = (booking: Booking): boolean => booking.status !== "pending" && booking.status !== "paying";
