import { createServer } from "node:http";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { createDatabase, createPool } from "../../../platform/postgres/index.ts";
import { portOf } from "../../../platform/testing/port-of.ts";
import { until } from "../../../platform/testing/until.ts";
import { type GatewayRecord, GatewayRefused, type ListedGateway } from "../gateways/gateway.ts";
import { DIFFERENCES_MAX, RECONCILE_ROWS_MAX, RECONCILE_WINDOW_MS } from "../limits.ts";
import { Reconciler } from "./reconciler.ts";
import { PAYMENTS_SCHEMA, type PaymentsTables } from "../tables.ts";
import { id, payments, shop, useOneShop } from "../testing/one-shop.ts";
import { testShop } from "../testing/shop.ts";

useOneShop();

const recordOf = (paymentId: string): GatewayRecord => ({
  paymentId,
  gatewayId: `mp_${paymentId}`,
  amount: { amount: 100, currency: "EUR" },
  state: "captured",
  captured: 100,
  refunded: 0,
  reason: null,
  next: null,
});
const unused = () => Promise.reject(new Error("not asked here"));

/** Of the payments by Stripe, with a gateway that is listed and read like this. */
const reconcilerOf = (gateway: Pick<ListedGateway, "read" | "list">): Reconciler =>
  new Reconciler({
    pool: shop.pool,
    db: createDatabase<PaymentsTables>(shop.pool).withSchema(PAYMENTS_SCHEMA),
    gateways: new Map([["stripe", { start: unused, capture: unused, void: unused, refund: unused, ...gateway }]]),
    clock: payments.clock,
    log: pino({ level: "silent" }),
    metrics: createMetrics("test", { ofProcess: false }),
  });

describe("the reconciler", () => {
  it("finds what one side does not have, and what the two say differently", async () => {
    await payments.start({ paymentId: id });
    await payments.becomes(id, "authorized");
    await payments.capture(id);
    const reconcile = async () => (await payments.service.reconcile()).differences;
    expect(await reconcile()).toEqual([]);

    await shop.pool.query("update mock_gateway.payment set refunded = 400 where reference = $1", [id]);
    const ours = { state: "captured", kept: { amount: 2_400, currency: "EUR" } };
    const theirs = { state: "captured", kept: { amount: 2_000, currency: "EUR" } };
    expect(await reconcile()).toMatchObject([{ paymentId: id, method: "mock", ours, gateways: theirs }]);

    await shop.pool.query(
      "update mock_gateway.payment set refunded = 0, reference = 'pay_elsewhere' where reference = $1",
      [id],
    );
    expect(await reconcile()).toMatchObject([
      { paymentId: id, bookingId: `bk_${id}`, ours, gateways: null },
      { paymentId: "pay_elsewhere", bookingId: null, ours: null, gateways: ours },
    ]);
    await shop.pool.query("update mock_gateway.payment set reference = $1 where reference = 'pay_elsewhere'", [id]);
    expect(await reconcile()).toEqual([]);
  });

  it("asks for what the gateway has begun before the time that is compared, by its own clock", async () => {
    await payments.start({ paymentId: id });
    await payments.becomes(id, "authorized");
    await payments.capture(id);
    const since = payments.clock.now() - RECONCILE_WINDOW_MS;
    const begun = (table: string, column: string, at: number) =>
      shop.pool.query(`update ${table} set created_at = $1 where ${column} = $2`, [new Date(at), id]);
    await begun("payments.payment", "id", since + 3_600_000);
    await begun("mock_gateway.payment", "reference", since - 3_600_000);
    expect((await payments.service.reconcile()).differences).toEqual([]);

    await shop.pool.query("update payments.payment set gateway_id = 'another' where id = $1", [id]);
    expect((await payments.service.reconcile()).differences).toMatchObject([{ paymentId: id, gateways: null }]);
  });

  it("compares so many at a time, however many there are, and once for all who ask meanwhile", async () => {
    const own = await testShop({ webhooks: false });
    const all = 2 * RECONCILE_ROWS_MAX + 10;
    const begun = Date.now() - RECONCILE_WINDOW_MS + 3_600_000;
    // Its clock is behind: at each end of a slice some are of another one there.
    await own.pool.query(
      `with taken as (
        insert into payments.payment (id, booking_id, user_id, method, amount, currency, description, pay_by, gateway_id,
          state, captured, created_at)
        select 'pay_' || n, 'bk_' || n, 'u', 'mock', 100, 'EUR', '', now(), 'mp_' || n, 'captured', 100,
          to_timestamp($2::bigint / 1000 + 20 * n) from generate_series(1, $1::int) n
        returning *)
      insert into mock_gateway.payment (id, reference, amount, currency, description, pay_by, state, captured, created_at)
      select gateway_id, id, amount, currency, description, pay_by, state, captured, created_at - interval '50 seconds' from taken`,
      [all, begun],
    );
    await own.pool.query("update mock_gateway.payment set reference = 'pay_theirs' where reference = 'pay_7'");
    const { options } = own.pool;
    const pool = createPool({
      connectionString: options.connectionString ?? "",
      max: 2,
      name: "payments-reconciled",
      log: pino({ level: "silent" }),
    });
    let most = 0;
    pool.on("connect", (client) => {
      const query = client.query.bind(client) as (...sent: unknown[]) => Promise<{ rows: unknown[] }>;
      Object.assign(client, {
        async query(...sent: unknown[]) {
          const result = await query(...sent);
          most = Math.max(most, result.rows.length);
          return result;
        },
      });
    });
    try {
      const { service } = await own.open({ pool });
      const [found, again] = await Promise.all([service.reconcile(), service.reconcile()]);
      const one = { state: "captured", kept: { amount: 100, currency: "EUR" } };
      expect(found).toMatchObject({ compared: all + 1, unreachable: [] });
      expect(found.differences.toSorted((left, right) => left.paymentId.localeCompare(right.paymentId))).toMatchObject([
        { paymentId: "pay_7", ours: one, gateways: null },
        { paymentId: "pay_theirs", ours: null, gateways: one },
      ]);
      expect(most).toBe(RECONCILE_ROWS_MAX);
      expect(again).toBe(found);
    } finally {
      await own.close();
      await pool.end();
    }
  });

  it("is done with a list that never ends", async () => {
    const endless = createServer((_request, response) => response.end('{"items":[],"nextCursor":"x"}'));
    await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
    const port = portOf(endless);
    const misled = await shop.open({ mockGatewayUrl: () => `http://127.0.0.1:${port}` });
    expect(await misled.service.reconcile()).toMatchObject({ unreachable: ["mock"], differences: [] });
    await misled.service.stop();
    await misled.kill();
    endless.closeAllConnections();
    await new Promise((resolve) => endless.close(resolve));
  });

  it("looks again before it has read a list of very many that we do not know, says that there are more, and mends ours", async () => {
    await shop.pool.query(
      `insert into payments.payment (id, booking_id, user_id, method, amount, currency, description, pay_by, gateway_id, state,
         created_at)
       values ('pay_ours', 'bk_ours', 'u', 'stripe', 100, 'EUR', '', now(), 'mp_pay_ours', 'authorized', now())`,
    );
    let listed = 0;
    let listedAtFirstLook = 0;
    const reconciler = reconcilerOf({
      async read({ paymentId }) {
        listedAtFirstLook ||= listed;
        return recordOf(paymentId);
      },
      async *list() {
        while (listed < 3 * RECONCILE_ROWS_MAX) yield recordOf(`pay_unknown_${listed++}`);
        yield recordOf("pay_ours");
      },
    });
    const { differences, compared, truncated } = await reconciler.reconcile();
    expect([differences.length, compared]).toEqual([DIFFERENCES_MAX, 3 * RECONCILE_ROWS_MAX + 1]);
    expect(truncated).toBe(true);
    expect(listedAtFirstLook).toBe(2 * RECONCILE_ROWS_MAX);
    const ours = await shop.pool.query("delete from payments.payment where id = 'pay_ours' returning due_at");
    expect(ours.rows).toEqual([{ due_at: expect.any(Date) }]);
  });

  it("looks at no more than it names where the gateway knows none of ours, as that of another account", async () => {
    await shop.pool.query(
      `insert into payments.payment (id, booking_id, user_id, method, amount, currency, description, pay_by, gateway_id, state,
         captured, created_at)
       select 'pay_lost_' || n, 'bk_lost', 'u', 'stripe', 100, 'EUR', '', now(), 'mp_' || n, 'captured', 100, now()
       from generate_series(1, $1::int) n`,
      [DIFFERENCES_MAX + 10],
    );
    let reads = 0;
    const reconciler = reconcilerOf({
      read() {
        reads++;
        return Promise.reject(new GatewayRefused("no such payment"));
      },
      async *list() {},
    });
    const { differences, truncated } = await reconciler.reconcile();
    await shop.pool.query("delete from payments.payment where booking_id = 'bk_lost'");
    expect([reads, differences.length, truncated]).toEqual([DIFFERENCES_MAX, DIFFERENCES_MAX, true]);
  });

  it("names the gateways that it could not ask", async () => {
    shop.gateway.setFaults({ answers: "nonsense" });
    expect(await payments.service.reconcile()).toMatchObject({ unreachable: ["mock"], differences: [] });
  });
});

describe("two processes at once", () => {
  it("have their books compared with the gateway's by one of them, and by another when that has stopped", async () => {
    const quiet = await testShop({ webhooks: false });
    try {
      const asking: string[] = [];
      const open = (name: string) =>
        quiet.open({
          mockGatewayUrl: () => {
            asking.push(name);
            return quiet.gateway.url;
          },
        });
      const first = await open("first");
      await until(() => asking.includes("first"), "the first process asks for the gateway's list");
      const second = await open("second");
      await second.service.stop(); // Its first look has ended by then.
      expect(asking).not.toContain("second");
      await first.service.stop();
      await until(async () => {
        await (await open("next")).service.stop();
        return asking.includes("next");
      }, "the next process asks for the gateway's list");
    } finally {
      await quiet.close();
    }
  });
});
