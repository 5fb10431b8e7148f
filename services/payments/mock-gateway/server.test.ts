import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import { createLogger } from "../../../platform/log/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { until } from "../../../platform/testing/until.ts";
import { mockGatewaySecret } from "../gateways/gateway-secret.ts";
import { type Shop, testShop } from "../testing/shop.ts";
import { createMockGatewayServer, type MockGatewayServerOptions } from "./server.ts";

const log = createLogger({ name: "test", level: "silent" });

let shop: Shop;
let secret: string;

beforeAll(async () => {
  shop = await testShop();
  await shop.open();
  secret = mockGatewaySecret({ dataDir: shop.dataDir }, systemRandom);
});
afterAll(() => shop.close());

const call = async (
  method: string,
  path: string,
  {
    at = shop.gateway.url,
    body,
    key,
    token = secret,
  }: { at?: string; body?: unknown; key?: string; token?: string } = {},
) => {
  const response = await fetch(`${at}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key !== undefined && { "idempotency-key": key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
async function anotherGateway(
  options: Partial<MockGatewayServerOptions>,
  settings: Partial<MockGatewayServerOptions["config"]> = {},
) {
  const config = { host: "127.0.0.1", dataDir: shop.dataDir, mockGatewayPort: 0, ...settings };
  const webhookUrl = (): undefined => undefined;
  const { pool } = shop;
  const random = systemRandom;
  const gateway = createMockGatewayServer({ pool, clock: systemClock, random, log, config, webhookUrl, ...options });
  await gateway.start();
  onTestFinished(() => gateway.stop());
  return gateway;
}
const order = (reference: string, token: string | null = "tok_ok") => ({
  reference,
  amount: 500,
  currency: "EUR",
  description: "",
  token,
  payBy: "2026-11-21T12:00:00.000Z",
});

describe("the mock gateway's port", () => {
  const connection = (gateway: { ownUrl: string }) => {
    const socket = connect(Number(new URL(gateway.ownUrl).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    return socket;
  };

  it("takes so many connections and no more", async () => {
    const gateway = await anotherGateway({ bounds: { connectionsMax: 2 } });
    const answered = connection(gateway);
    answered.write("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n");
    await once(answered, "data");
    await once(connection(gateway), "connect");
    const refused = connection(gateway).resume();
    await Promise.race([once(refused, "close"), once(refused, "error")]);
    expect(answered.destroyed).toBe(false);
  });

  it("waits for a body no longer than it has to", async () => {
    const gateway = await anotherGateway({ bounds: { requestTimeoutMs: 300 } });
    const socket = connection(gateway).setEncoding("latin1");
    socket.write(
      "POST /pay/mp_1 HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n",
    );
    const [answer] = (await once(socket, "data")) as [string]; // By its encoding.
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
  });

  it("closes a connection on which nothing is asked", { timeout: 15_000 }, async () => {
    const gateway = await anotherGateway({ bounds: { connectionTimeoutMs: 300 } });
    const socket = connection(gateway).resume();
    await once(socket, "close");
  });
});

describe("the mock gateway's API", () => {
  it("is for whoever has the secret", async () => {
    for (const token of ["", "x", `${secret}x`, secret.slice(1), "a".repeat(10_000)]) {
      expect(await call("GET", "/payments/mp_1", { token })).toMatchObject({
        status: 401,
        body: { code: "UNAUTHORIZED" },
      });
      expect(await call("PUT", "/faults", { token, body: {} })).toMatchObject({ status: 401 });
    }
  });

  it.each<[Pick<MockGatewayServerOptions["config"], "publicUrl" | "mockGatewayUrl">, string]>([
    [{}, "http://127.0.0.1:PORT"],
    [{ publicUrl: "https://tickets.example.com:8443/shop" }, "http://tickets.example.com:PORT"],
    [{ publicUrl: "http://[2001:db8::7]:8080" }, "http://[2001:db8::7]:PORT"],
    [
      { publicUrl: "https://tickets.example.com", mockGatewayUrl: "https://pay.example.com" },
      "https://pay.example.com",
    ],
  ])("with %j sends buyers to pages at %s, and is itself where it listens", async (settings, pages) => {
    const gateway = await anotherGateway({}, settings);
    const key = `key_${systemRandom(8).toString("hex")}`;
    const { status, body } = await call("POST", "/payments", { at: gateway.ownUrl, body: order(key, null), key });
    expect([status, body["url"]]).toEqual([
      200,
      `${pages.replace("PORT", new URL(gateway.ownUrl).port)}/pay/${String(body["id"])}`,
    ]);
  });

  it("does a thing once for its key, ten times at once and ten in a row", async () => {
    const start = () => call("POST", "/payments", { body: order("pay_same", null), key: "key_same" });
    const answers = await Promise.all(Array.from({ length: 10 }, start));
    for (let index = 0; index < 10; index++) answers.push(await start());
    expect(new Set(answers.map(({ body }) => body["id"])).size).toBe(1);
    const other = { ...order("pay_same", null), amount: 501 };
    expect(await call("POST", "/payments", { body: other, key: "key_same" })).toMatchObject({
      status: 409,
      body: { code: "IDEMPOTENCY_KEY_REUSED" },
    });
  });

  it("refuses what does not fit the payment's state, and may be asked again under the same key", async () => {
    const { body } = await call("POST", "/payments", { body: order("pay_states", null), key: "key_states" });
    const path = `/payments/${String(body["id"])}`;
    const capture = () => call("POST", `${path}/capture`, { body: { amount: 500 }, key: "key_capture" });
    expect(await capture()).toMatchObject({ status: 409, body: { code: "WRONG_STATE" } });
    await fetch(String(body["url"]), { method: "POST", body: new URLSearchParams({ token: "tok_ok" }) });
    await until(async () => (await call("GET", path)).body["state"] === "authorized" || undefined, "authorized");
    expect(await capture()).toMatchObject({ status: 200, body: { state: "captured", captured: 500 } });
    expect(await call("POST", `${path}/void`, { key: "key_void" })).toMatchObject({ status: 409 });
    expect(await call("POST", `${path}/refunds`, { body: { amount: 501 }, key: "key_more" })).toMatchObject({
      status: 409,
    });
    const refunds = ["a", "b", "c"].map((key) => call("POST", `${path}/refunds`, { body: { amount: 200 }, key }));
    expect((await Promise.all(refunds)).map(({ status }) => status).sort((left, right) => left - right)).toEqual([
      200, 200, 409,
    ]);
  });

  it("refuses bodies that are not as they should be", async () => {
    const good = order("pay_bad");
    const bodies = [
      null,
      [],
      "x",
      {},
      { ...good, more: 1 },
      { ...good, amount: -1 },
      { ...good, amount: "5" },
      { ...good, payBy: "soon" },
    ];
    for (const body of bodies) {
      expect(await call("POST", "/payments", { body, key: "key_bad" })).toMatchObject({ status: 400 });
    }
    expect(await call("POST", "/payments", { body: good })).toMatchObject({ status: 400 });
    expect(await call("GET", "/payments/mp_nobody")).toMatchObject({ status: 404 });
    expect(await call("GET", "/payments?since=2020-01-01T00:00:00Z&cursor=x")).toMatchObject({ status: 400 });
  });

  it("lists every payment once, page after page", async () => {
    await Promise.all(
      Array.from({ length: 130 }, (_, index) =>
        call("POST", "/payments", { body: order(`pay_list_${index}`), key: `key_list_${index}` }),
      ),
    );
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query = new URLSearchParams({ since: "2020-01-01T00:00:00Z", ...(cursor !== "" && { cursor }) });
      const { body } = await call("GET", `/payments?${query.toString()}`);
      seen.push(...(body["items"] as { reference: string }[]).map(({ reference }) => reference));
      cursor = body["nextCursor"] as string | null;
    }
    expect(seen.filter((reference) => reference.startsWith("pay_list_")).sort()).toEqual(
      Array.from({ length: 130 }, (_, index) => `pay_list_${index}`).sort(),
    );
  });

  it("goes on after a restart with what it owed: decisions and webhooks", async () => {
    await call("POST", "/payments", { body: order("pay_owed", "tok_slow"), key: "key_owed" });
    await shop.pool.query(
      "update mock_gateway.webhook set due_at = now() + interval '1 hour' where due_at is not null",
    );
    await shop.restartGateway();
    shop.gatewayClock.shift(10_000);
    await until(async () => {
      const { rows } = await shop.pool.query(
        "select w.due_at from mock_gateway.payment p join mock_gateway.webhook w on w.body like '%' || p.id || '%' where p.reference = 'pay_owed'",
      );
      return rows.length === 1 && rows[0].due_at === null ? true : undefined;
    }, "it is decided and told");
  });
});

describe("the secret", () => {
  it("is made once, whoever comes first, and is its owner's alone", () => {
    const dataDir = mkdtempSync(join(tmpdir(), "usher-secret-"));
    const secrets = Array.from({ length: 5 }, () => mockGatewaySecret({ dataDir }, systemRandom));
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const path = join(dataDir, "keys", "mock-gateway.secret");
    expect(readFileSync(path, "utf8")).toBe(`${secrets[0]}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(mockGatewaySecret({ dataDir, mockGatewaySecret: "given in the settings" }, systemRandom)).toBe(
      "given in the settings",
    );
    rmSync(dataDir, { recursive: true });
  });
});
