import { describe, expect, it } from "vitest";
import { createServer } from "node:http";
import { portOf } from "../../platform/testing/port-of.ts";
import { until } from "../../platform/testing/until.ts";
import { PAYMENT_CHANGED, type PaymentState } from "../../proto/services/index.ts";
import { TOLD_AGAIN_MIN_MS } from "./limits.ts";
import { id, payments, shop, useOneShop } from "./testing/one-shop.ts";
import { testShop } from "./testing/shop.ts";

const TEN_MINUTES_MS = 600_000;

useOneShop();

const atGateway = async () =>
  (await shop.pool.query("select state, captured, refunded from mock_gateway.payment where reference = $1", [id])).rows;
const gatewayBecomes = (state: string) =>
  until(async () => (await atGateway()).find((row) => row.state === state), `the gateway's payment is ${state}`);

describe("a gateway that fails", () => {
  it.each(["error", "nonsense", "lost"] as const)(
    "with answers that are %s is asked until it answers",
    async (answers) => {
      shop.gateway.setFaults({ answers });
      expect(await payments.start({ paymentId: id })).toMatchObject({ ok: true, value: { state: "pending" } });
      shop.gateway.setFaults({});
      await payments.becomes(id, "authorized");

      shop.gateway.setFaults({ answers });
      expect(await payments.capture(id)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
      shop.gateway.setFaults({});
      await payments.becomes(id, "captured");

      shop.gateway.setFaults({ answers });
      expect(await payments.refund(id, `rf_${id}`, 800)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
      shop.gateway.setFaults({});
      await until(async () => {
        const answer = await payments.read(id);
        return answer.ok && answer.value.refunded === 800 ? true : undefined;
      }, "it is refunded");
      expect(await atGateway()).toEqual([{ state: "captured", captured: 2_400, refunded: 800 }]);
    },
  );

  it("with answers that take too long does not keep anybody waiting", async () => {
    shop.gateway.setFaults({ answers: "slow", delayMs: 8_000 });
    const begun = performance.now();
    expect(await payments.start({ paymentId: id })).toMatchObject({ ok: true, value: { state: "pending" } });
    expect(performance.now() - begun).toBeLessThan(7_500);
    shop.gateway.setFaults({});
    await payments.becomes(id, "authorized");
  });

  it("by being down takes up where it was, and a payment that was given up meanwhile is voided", async () => {
    await payments.start({ paymentId: id });
    await payments.becomes(id, "authorized");
    const later = `${id}_later`;
    shop.gateway.setFaults({ answers: "error" });
    expect(await payments.start({ paymentId: later, token: null })).toMatchObject({
      value: { state: "pending", next: null },
    });
    expect(await payments.void(id)).toMatchObject({ ok: true, value: { state: "authorized" } });
    expect(await payments.capture(id)).toMatchObject({ ok: false, code: "CONFLICT" });
    shop.gateway.setFaults({});
    await shop.restartGateway();
    await payments.becomes(id, "voided");
    await until(async () => {
      const answer = await payments.read(later);
      return (answer.ok && answer.value.next) ?? undefined;
    }, "the page's address");
  });
});

describe("a gateway that lies", () => {
  it.each([
    ["a higher amount", { lieBy: 1 }],
    ["a lower amount", { lieBy: -1 }],
    ["another currency", { lieCurrency: "USD" }],
  ])("of %s is not believed: the payment fails, and what was reserved is given back", async (_what, faults) => {
    shop.gateway.setFaults(faults);
    await payments.start({ paymentId: id, token: "tok_ok" });
    const failed = await payments.becomes(id, "failed");
    expect(failed.reason).toBe("The gateway's record is not of this payment's amount.");
    await gatewayBecomes("voided");
    expect(await payments.capture(id)).toMatchObject({ ok: false, code: "CONFLICT" });
  });

  it("when the money is taken loses it again", async () => {
    await payments.start({ paymentId: id });
    await payments.becomes(id, "authorized");
    shop.gateway.setFaults({ lieBy: 100 });
    expect(await payments.capture(id)).toMatchObject({ ok: false, code: "CONFLICT" });
    await until(async () => ((await atGateway())[0].refunded === 2_400 ? true : undefined), "it is refunded");
    expect(await payments.read(id)).toMatchObject({ value: { state: "failed", captured: 0 } });
  });
});

describe("a gateway whose clock is off", () => {
  it.each([TEN_MINUTES_MS, -TEN_MINUTES_MS])(
    "by %d ms: its webhooks are refused, and polling finds the payment",
    async (ms) => {
      shop.gatewayClock.shift(ms);
      const before = (await shop.pool.query("select 1 from payments.webhook")).rowCount;
      await payments.start({ paymentId: id });
      await payments.becomes(id, "authorized");
      await payments.capture(id);
      expect((await shop.pool.query("select 1 from payments.webhook")).rowCount).toBe(before);
      shop.gatewayClock.shift(-ms);
      await until(async () => {
        const { rows } = await shop.pool.query("select 1 from mock_gateway.webhook where due_at is not null");
        if (rows.length > 0)
          await shop.pool.query("update mock_gateway.webhook set due_at = now() where due_at is not null");
        return rows.length === 0 || undefined;
      }, "the webhooks come once the clock is right");
    },
  );
});

describe("late money", () => {
  it("stays good until bookings gives it up, and is then given back by itself", async () => {
    const payBy = new Date(payments.clock.now() - 1).toISOString();
    await payments.start({ paymentId: id, token: "tok_late", payBy });
    await payments.becomes(id, "authorized");
    expect(await payments.void(id)).toMatchObject({ ok: true, value: { state: "voided", reason: "Too late." } });
    expect(await payments.void(id)).toMatchObject({ ok: true, value: { state: "voided" } });
    expect(await atGateway()).toMatchObject([{ state: "voided" }]);
  });

  it("of a payment that was given up while pending never becomes ours", async () => {
    await payments.start({ paymentId: id, token: "tok_slow" });
    expect(await payments.void(id)).toMatchObject({ ok: true, value: { state: "voided" } });
    // The gateway has authorized it all the same: the void came too late there.
    await shop.pool.query("update mock_gateway.payment set state = 'authorized' where reference = $1", [id]);
    expect(await payments.read(id, true)).toMatchObject({ value: { state: "voided" } });
    await gatewayBecomes("voided");
  });

  it("that was taken without being asked for is refunded", async () => {
    await payments.start({ paymentId: id, token: "tok_slow" });
    await payments.void(id);
    await shop.pool.query(
      "update mock_gateway.payment set state = 'captured', captured = amount where reference = $1",
      [id],
    );
    await payments.read(id, true);
    await until(async () => ((await atGateway())[0].refunded === 2_400 ? true : undefined), "it is refunded");
    expect(await payments.service.reconcile()).toMatchObject({ differences: [] });
  });
});

describe("news of reserved money that nobody has heard", () => {
  it("is told again, later and later, until it is said what is to become of it", async () => {
    const told: PaymentState[] = [];
    payments.bus.subscribe(PAYMENT_CHANGED, ({ paymentId, state }) => void (paymentId === id && told.push(state)));
    const dueIn = async (): Promise<number | null> => {
      const { rows } = await shop.pool.query("select due_at from payments.payment where id = $1", [id]);
      return rows[0].due_at && rows[0].due_at.getTime() - payments.clock.now();
    };
    let shifted = 0;
    await payments.start({ paymentId: id });
    await payments.becomes(id, "authorized");
    for (const times of [1, 1, 2]) {
      const dueMs = (await dueIn()) ?? 0;
      expect(dueMs).toBeGreaterThan(times * TOLD_AGAIN_MIN_MS - 5_000);
      told.length = 0;
      payments.clock.shift(dueMs);
      shifted += dueMs;
      await until(() => told.includes("authorized") || undefined, "it is told again");
    }
    await payments.void(id);
    await until(() => told.at(-1) === "voided" || undefined, "it is told of the end");
    expect(await dueIn()).toBeNull();
    payments.clock.shift(-shifted);
  });
});

describe("wishes that cannot be", () => {
  it("are refused, and change nothing", async () => {
    const conflict = { ok: false, code: "CONFLICT" };
    await payments.start({ paymentId: id, token: "tok_ok" });
    expect(await payments.start({ paymentId: id, amount: { amount: 1, currency: "EUR" } })).toMatchObject(conflict);
    expect(await payments.start({ paymentId: id, bookingId: "bk_other" })).toMatchObject(conflict);
    expect(await payments.refund(id, `rf_${id}`, 1)).toMatchObject(conflict);
    await payments.becomes(id, "authorized");
    expect(await payments.capture(id, 2_401)).toMatchObject({ ok: false, code: "BAD_MESSAGE" });
    expect(await payments.capture(id, -1)).toMatchObject({ ok: false, code: "BAD_MESSAGE" });
    expect(await payments.capture(id, 2_000)).toMatchObject({ ok: true, value: { captured: 2_000 } });
    expect(await payments.capture(id, 2_000)).toMatchObject({ ok: true, value: { captured: 2_000 } });
    expect(await payments.capture(id, 2_400)).toMatchObject(conflict);
    expect(await payments.void(id)).toMatchObject(conflict);
    expect(await payments.refund(id, `rf_${id}`, 1_500)).toMatchObject({ ok: true });
    expect(await payments.refund(id, `rf_${id}`, 1_500)).toMatchObject({ ok: true, value: { refunded: 1_500 } });
    expect(await payments.refund(id, `rf_${id}`, 1_400)).toMatchObject(conflict);
    expect(await payments.refund(id, `rf_${id}_more`, 501)).toMatchObject(conflict);
    expect(await payments.refund(id, `rf_${id}_half`, 0.5)).toMatchObject({ ok: false, code: "BAD_MESSAGE" });
    for (const call of [payments.read, payments.void, payments.capture]) {
      expect(await call("pay_nobody")).toMatchObject({ ok: false, code: "NOT_FOUND" });
    }
    expect(await payments.refund("pay_nobody", "rf_nobody", 1)).toMatchObject({ ok: false, code: "NOT_FOUND" });
    expect(await atGateway()).toEqual([{ state: "captured", captured: 2_000, refunded: 1_500 }]);
  });
});

describe("a gateway that is somebody else", () => {
  it("redirects, floods and babbles without effect", async () => {
    const answers = [
      (end: (status: number, body: string, headers?: Record<string, string>) => void) =>
        end(302, "", { location: shop.gateway.url }),
      (end: (status: number, body: string) => void) => end(200, "x".repeat(2_000_000)),
      (end: (status: number, body: string) => void) => end(200, "[]"),
      (end: (status: number, body: string) => void) =>
        end(200, '{"id":"mp_1","reference":"pay","state":"authorized","amount":null}'),
      (end: (status: number, body: string) => void) => end(400, "null"),
      (end: (status: number, body: string) => void) => end(418, '{"code":"TEAPOT","message":"short and stout"}'),
    ];
    let asked = 0;
    const stranger = createServer((request, response) => {
      request.resume();
      answers[asked++ % answers.length]?.((status, body, headers = {}) =>
        response.writeHead(status, headers).end(body),
      );
    });
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${portOf(stranger)}`;
    const misled = await shop.open({ mockGatewayUrl: () => url });
    for (let index = 0; index < answers.length; index++) {
      expect(await misled.start({ paymentId: `${id}_${index}` })).toMatchObject({
        ok: true,
        value: { state: "pending" },
      });
    }
    await misled.kill();
    stranger.closeAllConnections();
    await new Promise((resolve) => stranger.close(resolve));
    await Promise.all(answers.map((_, index) => payments.becomes(`${id}_${index}`, "authorized")));
  });
});

it("a gateway that never answers keeps nothing of another method waiting", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
  const port = portOf(silent);
  const own = await testShop({ webhooks: false });
  try {
    // More than are looked at while it takes to give up on it.
    await own.pool.query(
      `insert into payments.payment
        (id, booking_id, user_id, method, amount, currency, description, pay_by, gateway_id, state, due_at, created_at)
        select 'silent_' || n, 'bk_silent', 'u', 'stripe', 100, 'EUR', '', now(), 'pi_' || n, 'pending', to_timestamp(0), now()
        from generate_series(1, 200) n`,
    );
    const stripe = { stripeApiUrl: `http://127.0.0.1:${port}`, stripeSecretKey: "sk_test_usher" };
    const beside = await own.open({ config: { dataDir: own.dataDir, mockPayments: true, ...stripe } });
    await beside.start({ paymentId: "pay_mock", token: "tok_no_webhook" });
    await beside.becomes("pay_mock", "authorized");
    await beside.kill();
  } finally {
    silent.closeAllConnections();
    await new Promise((closed) => silent.close(closed));
    await own.close();
  }
});
