import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { systemClock } from "../../../platform/clock/index.ts";
import { Outbox } from "../../../platform/events/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { OUTBOX_WRITTEN } from "../../../proto/services/index.ts";
import { Agenda } from "./agenda.ts";
import { PaymentBook } from "./payment-book.ts";
import { Payments } from "../payments.ts";
import { Stepper } from "../work/stepper.ts";
import { PAYMENTS_SCHEMA, type PaymentsTables, type RefundRow } from "../tables.ts";
import { type Shop, testShop } from "../testing/shop.ts";

const log = pino({ level: "silent" });
let shop: Shop;
let book: PaymentBook;
let agenda: Agenda;
let bus: InProcessBus;
/** How often whoever publishes events was told that there are some. */
let nudges = 0;

beforeAll(async () => {
  shop = await testShop({ webhooks: false });
  const clock = systemClock;
  bus = new InProcessBus({ clock, log });
  bus.subscribe(OUTBOX_WRITTEN, () => nudges++);
  const outbox = new Outbox({
    pool: shop.pool,
    bus,
    clock,
    random: systemRandom,
    log,
    schema: PAYMENTS_SCHEMA,
    source: "/usher/payments",
    stream: { publish: () => Promise.resolve(), consume: () => ({ close: () => Promise.resolve() }) },
  });
  const db = createDatabase<PaymentsTables>(shop.pool).withSchema(PAYMENTS_SCHEMA);
  book = new PaymentBook({ db, outbox, clock });
  agenda = new Agenda({ db, clock });
});
afterAll(() => shop.close());

const added = async (paymentId: string, bookingId: string) => {
  const row = await book.add({
    paymentId,
    bookingId,
    userId: "u",
    method: "mock",
    token: "tok_ok",
    description: "Seats",
    amount: { amount: 100, currency: "EUR" },
    payBy: "2099-01-01T00:00:00.000Z",
  });
  if (row === undefined) throw new Error("it is new");
  return row;
};

it("whoever tells of a payment waits for whoever has any other of its booking", async () => {
  const first = await added("pay_a", "bk_1");
  await added("pay_b", "bk_1");
  const other = await shop.pool.connect();
  try {
    await other.query("begin");
    await other.query("select from payments.payment where id = 'pay_b' for update");
    let done = false;
    const failing = book.fail(first, "no money", { undo: false }).finally(() => (done = true));
    const waits = async () => {
      const { rowCount } = await shop.pool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return (rowCount ?? 0) > 0;
    };
    await expect.poll(async () => done || (await waits())).toBe(true);
    expect(done).toBe(false);
    await other.query("commit");
    expect((await failing).after.state).toBe("failed");
  } finally {
    other.release(true);
  }
  const { rows } = await shop.pool.query("select event->>'type' as type from payments.outbox where subject = 'bk_1'");
  expect(rows).toEqual([{ type: "payment.failed" }]);
});

it("what was written since it was seen is not written over, and is told of once", async () => {
  const seen = await added("pay_c", "bk_2");
  const wanted = await book.want("pay_c", () => ({ type: "wanted", changes: { void_reason: "changed his mind" } }));
  expect(wanted?.row.revision).not.toBe(seen.revision);
  const { after } = await book.fail(seen, "no money", { undo: false });
  expect(after).toMatchObject({ state: "failed", void_reason: "changed his mind" });
  const again = await book.fail(seen, "no money", { undo: false });
  expect(again.after).toMatchObject({ state: "failed" });
  const { rowCount } = await shop.pool.query("select from payments.outbox where subject = 'bk_2'");
  expect(rowCount).toBe(1);
});

it("a refusal that several hear counts once, so that no key of the gateway is passed over", async () => {
  const seen = await added("pay_d", "bk_3");
  await shop.pool.query(
    "insert into payments.refund (id, payment_id, amount, reason, state, created_at) values ('rf_d', 'pay_d', 100, '', 'open', now())",
  );
  const [refund] = await book.openRefunds("pay_d");
  const refusals = async () => [(await book.find("pay_d"))?.refusals, (await book.openRefunds("pay_d"))[0]?.refusals];
  for (let heard = 0; heard < 2; heard++) {
    await agenda.postponeRefused(seen);
    await agenda.postponeRefused(seen, refund);
    expect(await refusals()).toEqual([1, 1]);
  }
  const [next] = await book.openRefunds("pay_d");
  await agenda.postponeRefused(seen, next);
  expect(await refusals()).toEqual([1, 2]);
});

it("the outbox is looked at when something was told, and only then", async () => {
  const seen = await added("pay_e", "bk_4");
  const record = { paymentId: "pay_e", gatewayId: "mp_e", amount: { amount: 100, currency: "EUR" } };
  const told = async (settling: ReturnType<PaymentBook["settle"]>) => {
    nudges = 0;
    const { after } = await settling;
    await new Promise(setImmediate); // The bus delivers once the sender has done.
    return [after.state, after.refunded, nudges];
  };
  const settle = (captured: number, refunded: number, state: "authorized" | "captured", refund?: RefundRow) =>
    told(book.settle(seen, { ...record, state, captured, refunded, reason: null, next: null }, refund));
  expect(await settle(0, 0, "authorized")).toEqual(["authorized", 0, 0]);
  expect(await settle(100, 0, "captured")).toEqual(["captured", 0, 1]);
  expect(await settle(100, 0, "captured")).toEqual(["captured", 0, 0]);
  const nothing = { id: "rf_e", amount: 0, reason: "Seats that cost nothing." };
  await book.wantRefund("pay_e", nothing, () => ({ type: "wanted", changes: {} }));
  const [refund] = await book.openRefunds("pay_e");
  expect(await settle(100, 0, "captured", refund)).toEqual(["captured", 0, 1]);
});

it("a refund that another process does at the same moment is answered with what has gone back", async () => {
  const other = await shop.open();
  await other.start({ paymentId: "pay_f" });
  await other.becomes("pay_f", "authorized");
  await other.capture("pay_f");
  class Overtaken extends Stepper {
    override async advance(...seen: Parameters<Stepper["advance"]>) {
      await other.refund("pay_f", "rf_f", 900);
      return super.advance(...seen);
    }
  }
  const stepper = new Overtaken({ book, agenda, gateways: new Map(), bus, log, metrics: new Registry() });
  const payments = new Payments({ book, methods: new Set(), stepper, clock: systemClock });
  expect(await payments.refund("pay_f", "rf_f", 900, "")).toMatchObject({ ok: true, value: { refunded: 900 } });
});
