/** What a kiosk or a box office has taken, with the real `payments`: whatever becomes of the sale, the books have it. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { pino } from "pino";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { testEvent } from "../../../platform/events/testing.ts";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { as } from "../../../platform/http/testing.ts";
import { createDatabase, migrate } from "../../../platform/postgres/index.ts";
import { START_PAYMENT } from "../../../proto/services/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import {
  createPaymentsService,
  PAYMENTS_SCHEMA,
  paymentsMigrations,
  type PaymentsService,
} from "../../payments/index.ts";
import { useSale } from "../testing/sale.ts";
import { call, hasStatus, PRICE, until } from "../testing/world.ts";

const sale = useSale();
const { book, cancel } = sale;
const TOTAL = 2 * PRICE.adult;

/** That of payments, a day behind the bookings'. */
const clock = new ShiftedClock();
clock.shift(-86_400_000);
let payments: PaymentsService;

beforeAll(async () => {
  const { pool, bus, stream } = sale.world;
  await migrate(createDatabase(pool), PAYMENTS_SCHEMA, paymentsMigrations);
  sale.world.payments.close();
  payments = createPaymentsService({
    pool,
    bus,
    stream,
    clock,
    random: systemRandom,
    log: pino({ level: "silent" }),
    metrics: createMetrics("test", { ofProcess: false }),
    config: {
      dataDir: "unused",
      mockPayments: true,
      mockGatewaySecret: "of-a-gateway-that-nobody-asks",
      stripeApiUrl: "https://stripe.invalid",
    },
    mockGatewayUrl: () => "http://gateway.invalid",
  });
  await payments.start();
});
afterAll(() => payments.stop());

/** What `payment.success` and `payment.refund` say of the booking, added up as for the books; undefined before both are told. */
function inTheBooks(id: string): number | undefined {
  let sum = 0;
  const told = new Set<string>();
  for (const event of sale.world.events) {
    if (event.subject !== id) continue;
    if (event.type === "payment.success") sum += event.data.amount.amount;
    else if (event.type === "payment.refund") sum -= event.data.refund.amount;
    else continue;
    told.add(event.type);
  }
  return told.size === 2 ? sum : undefined;
}

async function bookAndPay(status = "authorized"): Promise<string> {
  const { id } = await book([0, 1]);
  const paid = await call(sale.shop, "POST", `/bookings/${id}/payments`, {
    body: { method: "terminal" },
    role: "boxoffice",
  });
  expect([paid.statusCode, paid.json()]).toMatchObject([202, { status }]);
  return id;
}

/** Engines whose answers to confirms are lost. */
function loseConfirms(): () => void {
  const ask = sale.world.engineClient.ask.bind(sale.world.engineClient);
  const asked = vi.spyOn(sale.world.engineClient, "ask").mockImplementation(async (request) => {
    const reply = await ask(request);
    if (request.type === "confirm") throw new Error("that answer was lost");
    return reply;
  });
  return () => asked.mockRestore();
}

/** Requests to begin a payment that never get there. */
function loseStarts(): () => void {
  const { bus } = sale.shop.mortal;
  const ask = bus.request.bind(bus);
  const asked = vi
    .spyOn(bus, "request")
    .mockImplementation((endpoint, question, times) =>
      endpoint.name === START_PAYMENT.name
        ? Promise.reject(new Error("that request was lost"))
        : ask(endpoint, question, times),
    );
  return () => asked.mockRestore();
}

describe.each([
  ["before its seats are booked", loseConfirms, "authorized"],
  ["before payments has heard of it", loseStarts, "pending"],
] as const)("money of a booking that is cancelled %s", (_when, lose, paymentStatus) => {
  it.each([
    ["by who paid", "cancelled", (id: string) => cancel(id)],
    [
      "with its showtime",
      "refunded",
      () =>
        sale.world.stream.publish(
          testEvent("showtime.cancelled", sale.showtime, { showtimeId: sale.showtime, movieId: "mv_1" }),
        ),
    ],
  ] as const)("is told of as taken and as given back: %s", async (_how, status, cancelIt) => {
    const hear = lose();
    const id = await bookAndPay(paymentStatus);
    const cancelled = cancelIt(id);
    await until(sale.shop, id, (booking) => booking.status !== "paying");
    hear();
    await cancelled;
    expect(
      await until(sale.shop, id, ({ payment }) => ["refunded", "voided"].includes(payment?.status ?? "")),
    ).toMatchObject({
      status,
      total: { amount: TOTAL },
      refunded: { amount: TOTAL },
      refunding: { amount: 0 },
      payment: { status: "refunded" },
    });
    await expect.poll(() => inTheBooks(id)).toBe(0);
    await expect.poll(() => sale.world.eventsOf(id)).toContain("booking.refunded");
    const called = sale.world.events.find(({ subject, type }) => subject === id && type === "booking.cancelled");
    if (status === "cancelled") expect(called?.data).toMatchObject({ paid: true });
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
  });
});

it("shows what was taken and given back, and when, as the events have it, in the booking", async () => {
  const id = await bookAndPay();
  const bought = await until(sale.shop, id, hasStatus("confirmed"));
  await cancel(id, [1]);
  const { payment, refunds } = await until(sale.shop, id, ({ refunded }) => refunded.amount > 0);
  await expect.poll(() => inTheBooks(id)).toBe(PRICE.adult);
  const timeOf = (type: string) => sale.world.events.find((event) => event.subject === id && event.type === type)?.time;
  const taken = { captured: { amount: TOTAL, currency: "EUR" }, capturedAt: timeOf("payment.success") };
  expect([bought.payment, bought.refunds]).toMatchObject([taken, []]);
  expect(payment).toMatchObject(taken);
  const amount = { amount: PRICE.adult, currency: "EUR" };
  const doneAt = timeOf("payment.refund");
  expect(refunds).toEqual([{ refundId: expect.any(String), amount, doneAt }]);
  const query = `{ getBooking(bookingId: "${id}") { booking { capturedAmount capturedAt refundedAt } } }`;
  const told = await sale.shop.app.inject({ method: "POST", url: "/graphql", headers: as("ada"), payload: { query } });
  expect(told.json().data.getBooking.booking).toEqual({
    capturedAmount: TOTAL,
    capturedAt: taken.capturedAt,
    refundedAt: doneAt,
  });
});
