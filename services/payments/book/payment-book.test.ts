import { afterAll, beforeAll, expect, it } from "vitest";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { OUTBOX_WRITTEN } from "../../../proto/services/index.ts";
import type { PaymentBook } from "./payment-book.ts";
import type { RefundRow, SeenPayment } from "../tables.ts";
import { addedTo, bookOf } from "../testing/book.ts";
import { type Shop, testShop } from "../testing/shop.ts";

let shop: Shop;
let book: PaymentBook;
/** How often whoever publishes events was told that there are some. */
let nudges = 0;

beforeAll(async () => {
  shop = await testShop({ webhooks: false });
  const { book: own, bus } = bookOf(shop);
  book = own;
  bus.subscribe(OUTBOX_WRITTEN, () => nudges++);
});
afterAll(() => shop.close());

it("whoever tells of a payment waits for whoever has any other of its booking", async () => {
  const first = await addedTo(book, "pay_a", "bk_1");
  await addedTo(book, "pay_b", "bk_1");
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
  const seen = await addedTo(book, "pay_c", "bk_2");
  const wanted = await book.want("pay_c", () => ({ type: "wanted", changes: { void_reason: "changed his mind" } }));
  expect(wanted?.row.revision).not.toBe(seen.revision);
  const { after } = await book.fail(seen, "no money", { undo: false });
  expect(after).toMatchObject({ state: "failed", void_reason: "changed his mind" });
  const again = await book.fail(seen, "no money", { undo: false });
  expect(again.after).toMatchObject({ state: "failed" });
  const { rowCount } = await shop.pool.query("select from payments.outbox where subject = 'bk_2'");
  expect(rowCount).toBe(1);
});

it("of what was captured in part it tells that part, so that what was taken and given back add up", async () => {
  const seen = await addedTo(book, "pay_f", "bk_5");
  const record = { paymentId: "pay_f", gatewayId: "mp_f", amount: { amount: 100, currency: "EUR" } };
  const captured = { ...record, state: "captured", captured: 40, refunded: 0, reason: null, next: null } as const;
  const { after } = await book.settle(seen, captured);
  const wish = { id: "rf_f", amount: 40, reason: "The rest was not to be had." };
  await book.wantRefund("pay_f", wish, () => ({ type: "wanted", changes: {} }));
  const [refund] = await book.openRefunds("pay_f");
  await book.settle(after, { ...captured, refunded: 40 }, refund);
  const { rows } = await shop.pool.query(
    `select type, event #> '{data,amount,amount}' as amount, event #> '{data,refund,amount}' as refund
    from payments.outbox where subject = 'bk_5' order by created_at, type desc`,
  );
  expect(rows).toEqual([
    { type: "payment.success", amount: 40, refund: null },
    { type: "payment.refund", amount: 40, refund: 40 },
  ]);
});

it("when money was taken, and when it went back, stays known as the events have it, also if a bank sends it back", async () => {
  const clock = new ShiftedClock();
  clock.standStill();
  const own = bookOf(shop, clock).book;
  const record = { paymentId: "pay_g", gatewayId: "mp_g", amount: { amount: 100, currency: "EUR" } };
  const says = (state: "authorized" | "captured", refunded: number) =>
    ({ ...record, state, captured: state === "captured" ? 100 : 0, refunded, reason: null, next: null }) as const;
  /** A day later, at which instant. */
  const nextDay = (): string => {
    clock.goForward(86_400_000);
    return new Date(clock.now()).toISOString();
  };
  const giveBack = async (seen: SeenPayment) => {
    const [refund] = await own.openRefunds("pay_g");
    return (await own.settle(seen, says("captured", 100), refund)).after;
  };
  const authorized = await own.settle(await addedTo(own, "pay_g", "bk_6"), says("authorized", 0));
  const capturedAt = nextDay();
  const taken = await own.settle(authorized.after, says("captured", 0));
  nextDay();
  const wish = { id: "rf_g", amount: 100, reason: "No show." };
  await own.wantRefund("pay_g", wish, () => ({ type: "wanted", changes: {} }));
  const doneAt = nextDay();
  const given = await giveBack((await own.find("pay_g")) ?? taken.after);
  nextDay();
  const sentBack = await own.settle(given, says("captured", 0));
  expect(sentBack.surprise).toBe("reopened");
  await giveBack(sentBack.after);
  const { rows: events } = await shop.pool.query(
    "select type, event->>'time' as time from payments.outbox where subject = 'bk_6' order by created_at",
  );
  expect(events).toEqual([
    { type: "payment.success", time: capturedAt },
    { type: "payment.refund", time: doneAt },
  ]);
  const [payment, refund] = [await own.find("pay_g"), await own.findRefund("rf_g")];
  expect([payment?.captured_at, refund?.state, refund?.done_at]).toEqual([
    new Date(capturedAt),
    "done",
    new Date(doneAt),
  ]);
});

it("the outbox is looked at when something was told, and only then", async () => {
  const seen = await addedTo(book, "pay_e", "bk_4");
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
