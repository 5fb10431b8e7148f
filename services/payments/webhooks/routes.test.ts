import { randomInt } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { portOf } from "../../../platform/testing/port-of.ts";
import { until } from "../../../platform/testing/until.ts";
import { mockGatewaySecret } from "../gateways/gateway-secret.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { testServer } from "../../../platform/http/testing.ts";
import { LOOKS_BEHIND_MAX, STEPS_AT_ONCE, WEBHOOKS_PER_SECOND_MAX } from "../limits.ts";
import type { PaymentsTables } from "../tables.ts";
import { type Process, type Shop, testShop } from "../testing/shop.ts";
import { webhookRoutes } from "./routes.ts";
import { WebhookKey } from "./webhook-key.ts";
import { WebhookInbox } from "./webhook-inbox.ts";

describe("POST /payments/webhooks/mock", () => {
  let shop: Shop;
  let payments: Process;
  let shared: WebhookKey;

  beforeAll(async () => {
    shop = await testShop();
    payments = await shop.open();
    shared = new WebhookKey(mockGatewaySecret({ dataDir: shop.dataDir }, systemRandom));
  });
  afterAll(() => shop.close());

  const post = (body: string, headers: Record<string, string>) =>
    fetch(`${payments.url}/api/v1/payments/webhooks/mock`, { method: "POST", headers, body });
  const signed = (data: object, id = `msg_${randomInt(1e9)}`) => {
    const body = JSON.stringify({ type: "payment.authorized", timestamp: new Date().toISOString(), data });
    return { body, headers: shared.headers(id, new Date(), body) };
  };
  const taken = async () => (await shop.pool.query("select id from payments.webhook order by id")).rows;

  it("answers 204, and 204 again, whatever type the body is said to be", async () => {
    const { body, headers } = signed({ id: "mp_x", reference: "pay_x" }, "msg_first");
    for (const type of ["application/json", "text/plain", "application/octet-stream", "image/png", "garbage", ""]) {
      const response = await post(body, { ...headers, "content-type": type });
      expect([response.status, await response.text()]).toEqual([204, ""]);
    }
    expect(await taken()).toContainEqual({ id: "msg_first" });
  });

  it("refuses with BAD_SIGNATURE what is not signed, and keeps nothing of it", async () => {
    const before = await taken();
    const { body, headers } = signed({ id: "mp_x", reference: "pay_x" });
    for (const [changed, changedHeaders] of [
      [body, {}],
      ["", headers],
      ["{}", headers],
      [body, { ...headers, "webhook-id": "msg_other" }],
      [body.replace("mp_x", "mp_y"), headers],
    ] as const) {
      const response = await post(changed, { ...changedHeaders });
      expect(response.status).toBe(400);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
      expect(await response.json()).toMatchObject({ code: "BAD_SIGNATURE", requestId: expect.any(String) });
    }
    expect((await post("x".repeat(5 * 1024), headers)).status).toBe(413);
    expect(await taken()).toEqual(before);
  });

  it("believes nothing but that there is something to look at", async () => {
    await payments.start({ paymentId: "pay_lie", token: "tok_slow" });
    const { rows } = await shop.pool.query("select gateway_id from payments.payment where id = 'pay_lie'");
    const { body, headers } = signed({ id: rows[0].gateway_id, reference: "pay_lie", state: "authorized" });
    expect((await post(body, headers)).status).toBe(204);
    expect(await payments.read("pay_lie", true)).toMatchObject({ value: { state: "pending" } });
    shop.gatewayClock.shift(10_000);
    await payments.becomes("pay_lie", "authorized");
  });

  it("that names the gateway's id of another payment does not move that one's money here", async () => {
    await payments.start({ paymentId: "pay_a" });
    await payments.becomes("pay_a", "authorized");
    await payments.start({ paymentId: "pay_b", token: "tok_declined" });
    await payments.becomes("pay_b", "failed");
    const { rows } = await shop.pool.query("select gateway_id from payments.payment where id = 'pay_a'");
    const { body, headers } = signed({ id: rows[0].gateway_id, reference: "pay_b" });
    expect((await post(body, headers)).status).toBe(204);
    expect(await payments.read("pay_b", true)).toMatchObject({ value: { state: "failed" } });
    expect(await payments.read("pay_a", true)).toMatchObject({ value: { state: "authorized" } });
  });

  it("with shapes that nobody expects are taken and passed over", async () => {
    for (const data of [
      {},
      { id: 1, reference: 2 },
      { id: "'; --", reference: "x" },
      { id: "a".repeat(65), reference: "b" },
    ]) {
      const { body, headers } = signed(data);
      expect((await post(body, headers)).status).toBe(204);
    }
    for (const body of ["null", "[]", "1", '"text"', "not JSON at all"]) {
      expect((await post(body, shared.headers(`msg_${randomInt(1e9)}`, new Date(), body))).status).toBe(204);
    }
  });

  it("in any order and number end where the gateway is", async () => {
    shop.gateway.setFaults({ webhookCopies: 4, shuffleWebhooksMs: 300 });
    const ids = Array.from({ length: 20 }, (_, index) => `pay_many_${index}`);
    await Promise.all(
      ids.map((paymentId, index) => payments.start({ paymentId, token: index % 4 ? "tok_ok" : "tok_declined" })),
    );
    await Promise.all(ids.map((id, index) => payments.becomes(id, index % 4 ? "authorized" : "failed")));
    await until(async () => {
      const { rows } = await shop.pool.query("select 1 from mock_gateway.webhook where due_at is not null");
      return rows.length === 0 || undefined;
    }, "every webhook is delivered");
    shop.gateway.setFaults({});
    const failed = payments.events.filter(({ type, subject }) => type === "payment.failed" && subject.includes("many"));
    expect(failed).toHaveLength(5);
  });
});

it("webhooks that come all at once have so many payments read at the gateway, and the others soon", async () => {
  const waiting = new Map<ServerResponse, string>();
  let isSlow = true;
  let most = 0;
  const answer = (response: ServerResponse, id: string) => {
    const money = { amount: { amount: 100, currency: "EUR" }, captured: 0, refunded: 0 };
    const record = { id, reference: id.replace("mp", "pay"), state: "authorized", ...money, reason: null, url: null };
    response.end(JSON.stringify(record));
  };
  const gateway = createServer(({ url = "" }, response) => {
    const id = url.split("/").at(-1) ?? "";
    if (!isSlow) return answer(response, id);
    response.on("close", () => waiting.delete(response));
    most = Math.max(most, waiting.set(response, id).size);
  });
  await new Promise<void>((listening) => gateway.listen(0, "127.0.0.1", listening));
  const port = portOf(gateway);
  const shop = await testShop();
  const payments = await shop.open({ mockGatewayUrl: () => `http://127.0.0.1:${port}` });
  const shared = new WebhookKey(mockGatewaySecret({ dataDir: shop.dataDir }, systemRandom));
  const all = 3 * (LOOKS_BEHIND_MAX + STEPS_AT_ONCE);
  try {
    await shop.pool.query(
      `insert into payments.payment
        (id, booking_id, user_id, method, amount, currency, description, pay_by, gateway_id, state, created_at)
        select 'pay_' || n, 'bk_' || n, 'u', 'mock', 100, 'EUR', '', now(), 'mp_' || n, 'pending', now()
        from generate_series(1, $1::int) n`,
      [all],
    );
    const statuses = Array.from({ length: all }, async (_, index) => {
      const data = { id: `mp_${index + 1}`, reference: `pay_${index + 1}` };
      const body = JSON.stringify({ type: "payment.authorized", timestamp: new Date().toISOString(), data });
      const headers = shared.headers(`msg_${index}`, new Date(), body);
      return (await fetch(`${payments.url}/api/v1/payments/webhooks/mock`, { method: "POST", headers, body })).status;
    });
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([204]));
    await until(() => most >= LOOKS_BEHIND_MAX || undefined, "as many are read as may be");
    // Where one was given up, the next may come to the gateway before it knows.
    expect(most).toBeLessThan(all / 2);
    isSlow = false;
    for (const [response, id] of waiting) answer(response, id);
    await until(async () => {
      const { rows } = await shop.pool.query("select 1 from payments.payment where state = 'authorized'");
      return rows.length === all || undefined;
    }, "every payment is looked at");
  } finally {
    await shop.close();
    gateway.closeAllConnections();
    await new Promise((closed) => gateway.close(closed));
  }
});

it("webhooks that are not signed are told of once a second, and limited like anything else", async () => {
  const clock = new VirtualClock();
  const told: { count: number; level: number }[] = [];
  const server = await testServer({ clock });
  await server.app.register(
    webhookRoutes({
      inbox: new WebhookInbox({ db: createDatabase<PaymentsTables>(server.pool), clock }),
      verifiers: { mock: () => undefined, stripe: () => undefined },
      log: pino({}, { write: (line: string) => void told.push(JSON.parse(line)) }),
      clock,
      look: () => {},
    }),
  );
  const send = async () => (await server.app.inject({ method: "POST", url: "/payments/webhooks/mock" })).statusCode;
  const codes: number[] = [];
  while (codes.length < WEBHOOKS_PER_SECOND_MAX) codes.push(await send());
  expect(new Set(codes)).toEqual(new Set([400]));
  expect(await send()).toBe(429);
  await clock.advance(1_000);
  expect(await send()).toBe(400);
  expect(told.map(({ count }) => count)).toEqual([1, WEBHOOKS_PER_SECOND_MAX]);
  expect(new Set(told.map(({ level }) => level))).toEqual(new Set([pino.levels.values["info"]])); // Anybody may send them.
  await server.close();
});
