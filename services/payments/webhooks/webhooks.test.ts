import { randomInt } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { Webhook } from "standardwebhooks";
import { pino } from "pino";
import { Stripe } from "stripe";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { portOf } from "../../../platform/testing/port-of.ts";
import { until } from "../../../platform/testing/until.ts";
import { mockGatewaySecret } from "../gateways/gateway-secret.ts";
import { systemClock, VirtualClock } from "../../../platform/clock/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { testServer } from "../../../platform/http/testing.ts";
import {
  INBOX_KEPT_MS,
  INBOX_PRUNE_ROWS_MAX,
  LOOKS_BEHIND_MAX,
  STEPS_AT_ONCE,
  WEBHOOKS_PER_SECOND_MAX,
} from "../limits.ts";
import { PAYMENTS_SCHEMA, type PaymentsTables } from "../tables.ts";
import { type Process, type Shop, testShop } from "../testing/shop.ts";
import { webhookRoutes } from "./routes.ts";
import { WebhookKey } from "./webhook-key.ts";
import { WebhookInbox } from "./webhook-inbox.ts";
import { type Headers, mockVerifier, stripeVerifier } from "./webhook-verifier.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const BODY = JSON.stringify({
  type: "payment.authorized",
  timestamp: "2026-11-21T12:00:00Z",
  data: { id: "mp_1", reference: "pay_1" },
});
const key = new WebhookKey(SECRET);

/** One bit of a text turned over; characters past Latin 1 do not come that way. */
function flip(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  const at = randomInt(bytes.length);
  bytes[at] = bytes[at]! ^ (1 << randomInt(8));
  return bytes.toString("latin1");
}

const genuine = (): { headers: Record<string, string>; body: Buffer } => ({
  headers: key.headers(`msg_${randomInt(1e9)}`, new Date(NOW), BODY),
  body: Buffer.from(BODY),
});

const flipIn = (headers: Record<string, string>, name: string) => ({ ...headers, [name]: flip(headers[name]!) });
const cut = (text: string) => text.slice(0, randomInt(text.length));

/** Every way of changing a webhook that we can think of; each gives another one each time. */
const CHANGES: readonly ((headers: Record<string, string>, body: Buffer) => { headers: Headers; body: Buffer })[] = [
  (headers, body) => ({ headers, body: Buffer.from(flip(body.toString("latin1")), "latin1") }),
  (headers, body) => ({ headers, body: Buffer.from(cut(body.toString())) }),
  (headers, body) => ({ headers, body: Buffer.concat([body, Buffer.from(" ".repeat(1 + randomInt(9)))]) }),
  (headers, body) => ({ headers, body: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]) }),
  (headers, body) => ({ headers, body: Buffer.concat([body, Buffer.from([0x80 + randomInt(64)])]) }),
  ...["webhook-id", "webhook-timestamp", "webhook-signature"].flatMap((name) => [
    (headers: Record<string, string>, body: Buffer) => ({ headers: flipIn(headers, name), body }),
    (headers: Record<string, string>, body: Buffer) => ({ headers: { ...headers, [name]: cut(headers[name]!) }, body }),
    (headers: Record<string, string>, body: Buffer) => ({ headers: { ...headers, [name]: `${headers[name]}x` }, body }),
    (headers: Record<string, string>, body: Buffer) => ({ headers: { ...headers, [name]: undefined }, body }),
    (headers: Record<string, string>, body: Buffer) => ({
      headers: { ...headers, [name]: [headers[name]!, "x"] },
      body,
    }),
  ]),
  (headers, body) => {
    const at = new Date(NOW + (randomInt(2) ? 1 : -1) * (301_000 + randomInt(1e9)));
    return { headers: key.headers(headers["webhook-id"]!, at, BODY), body };
  },
  (_headers, body) => ({
    headers: new WebhookKey(`whsec_${systemRandom(32).toString("base64")}`).headers("msg_1", new Date(NOW), BODY),
    body,
  }),
  (headers, body) => ({
    headers: { ...headers, "webhook-signature": headers["webhook-signature"]!.replace("v1", "v2") },
    body,
  }),
  (headers, body) => ({ headers: { ...headers, "webhook-timestamp": ` ${headers["webhook-timestamp"]}` }, body }),
];

describe("10,000 changed webhooks", () => {
  const verify = mockVerifier(() => key);

  it("are none of them accepted", () => {
    let tried = 0;
    while (tried < 10_000) {
      for (const change of CHANGES) {
        const { headers, body } = genuine();
        expect(verify(headers, body, NOW)).toEqual({
          id: headers["webhook-id"],
          payment: { paymentId: "pay_1", gatewayId: "mp_1" },
        });
        const changed = change(headers, body);
        if (same(changed.headers, headers) && changed.body.equals(body)) continue;
        tried++;
        const accepted = verify(changed.headers, changed.body, NOW);
        if (accepted !== undefined)
          expect.fail(`accepted: ${JSON.stringify(changed.headers)} ${changed.body.toString()}`);
      }
    }
  });

  it("are none of them accepted as Stripe's either", () => {
    const verifyStripe = stripeVerifier(SECRET);
    const seconds = NOW / 1000;
    const header = Stripe.webhooks.generateTestHeaderString({ payload: BODY, secret: SECRET, timestamp: seconds });
    expect(() => verifyStripe({ "stripe-signature": header }, Buffer.from(BODY), NOW)).not.toThrow();
    for (let tried = 0; tried < 10_000; tried++) {
      const changed = tried % 2 ? flip(header) : header;
      const body = tried % 2 ? BODY : flip(BODY);
      const accepted = verifyStripe({ "stripe-signature": changed }, Buffer.from(body, "latin1"), NOW);
      if (accepted !== undefined) expect.fail(`accepted: ${changed} ${body}`);
    }
  });
});

describe("a webhook that Stripe has signed", () => {
  const seconds = NOW / 1000;
  const noticeOf = (payload: string) => {
    const header = Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET, timestamp: seconds });
    return stripeVerifier(SECRET)({ "stripe-signature": header }, Buffer.from(payload), NOW);
  };

  it("is about nothing of ours where it says so", () => {
    expect(noticeOf('{"id":"evt_1","type":"charge.updated"}')).toEqual({ id: "evt_1" });
  });

  it.each(["{}", "null", "[]", '"x"', "1", '{"id":1}', '{"id":""}', '{"type":"payment_intent.succeeded"}'])(
    "is none where it has no id: %s",
    (payload) => expect(noticeOf(payload)).toBeUndefined(),
  );
});

const same = (left: Headers, right: Headers): boolean => Object.keys(right).every((name) => left[name] === right[name]);

describe("the key", () => {
  it("signs as the standard has it, so that its package verifies", () => {
    const at = new Date();
    expect(new Webhook(SECRET).verify(BODY, key.headers("msg_1", at, BODY))).toEqual(JSON.parse(BODY));
  });

  it("may be any text", () => {
    const plain = new WebhookKey("sixteen characters");
    expect(plain.verify(plain.headers("msg_1", new Date(NOW), BODY), BODY, NOW)).toBe("msg_1");
    expect(key.verify(plain.headers("msg_1", new Date(NOW), BODY), BODY, NOW)).toBeUndefined();
  });

  it("takes any of several signatures, as while keys change", () => {
    const headers = key.headers("msg_1", new Date(NOW), BODY);
    const signature = `v1,${"A".repeat(43)}= v1a,x ${headers["webhook-signature"]}`;
    expect(key.verify({ ...headers, "webhook-signature": signature }, BODY, NOW)).toBe("msg_1");
  });

  it("allows five minutes, either way", () => {
    const accepted = (ms: number) =>
      key.verify(key.headers("msg_1", new Date(NOW + ms), BODY), BODY, NOW) !== undefined;
    expect([-301_000, -300_000, 0, 300_000, 301_000].map(accepted)).toEqual([false, true, true, true, false]);
  });
});

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

describe("GET /payments/reconciliation", () => {
  it("is for admins", async () => {
    const shop = await testShop();
    const { url } = await shop.open();
    const get = (role?: string) =>
      fetch(`${url}/api/v1/payments/reconciliation`, {
        headers: role === undefined ? {} : { authorization: `Bearer ada.${role}` },
      });
    const roles = [undefined, "customer", "guest", "kiosk", "boxoffice", "gate", "admin"];
    const statuses = await Promise.all(roles.map(async (role) => (await get(role)).status));
    expect(statuses).toEqual([401, 403, 403, 403, 403, 403, 200]);
    expect(await (await get("admin")).json()).toMatchObject({ compared: 0, unreachable: [], differences: [] });
    await shop.close();
  });
});

it("webhooks that are not signed are told of once a second, and limited like anything else", async () => {
  const clock = new VirtualClock();
  const told: { count: number }[] = [];
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
  await server.close();
});

describe("the inbox", () => {
  it("forgets what no gateway repeats any more, so many webhooks at a time", async () => {
    const shop = await testShop();
    const db = createDatabase<PaymentsTables>(shop.pool).withSchema(PAYMENTS_SCHEMA);
    const inbox = new WebhookInbox({ db, clock: systemClock });
    await shop.pool.query(
      `insert into payments.webhook select 'mock', 'old' || n, $1::timestamptz from generate_series(1, $2::int) as n
       union all select 'mock', 'young', $3::timestamptz`,
      [new Date(systemClock.now() - INBOX_KEPT_MS - 1), INBOX_PRUNE_ROWS_MAX + 1, new Date(systemClock.now())],
    );
    const left = async () => (await shop.pool.query("select id from payments.webhook")).rows;
    expect(await inbox.prune()).toBe(true);
    expect(await left()).toHaveLength(2);
    expect(await inbox.prune()).toBe(false);
    expect(await left()).toEqual([{ id: "young" }]);
    await shop.close();
  });
});
