import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Role } from "../../../proto/index.ts";
import type { Page, Webhook, WebhookRegistered, WebhookSecret } from "../../../proto/rest/index.ts";
import { testEvent } from "../../../platform/events/testing.ts";
import { as } from "../../../platform/http/testing.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { Deliveries } from "./deliveries.ts";
import { WEBHOOKS_SCHEMA, type WebhookTables } from "./tables.ts";
import { testWebhooks, type TestWebhooks } from "./testing.ts";

const PUBLIC = "https://integrator.example/hooks/usher";

let t: TestWebhooks;
beforeAll(async () => {
  t = await testWebhooks({
    config: { webhookPrivateAddresses: false, host: "127.0.0.1" },
    resolve: async (host) => {
      if (host === "integrator.example") return [{ address: "93.184.216.34", family: 4 }];
      if (host === "half.example")
        return [
          { address: "93.184.216.34", family: 4 },
          { address: "10.0.0.7", family: 4 },
        ];
      if (host === "hangs.example") return new Promise(() => {});
      throw new Error(`getaddrinfo ENOTFOUND ${host}`);
    },
  });
});
afterAll(() => t.close());

describe("registering a webhook", () => {
  it("shows the secret once", async () => {
    const body = { url: PUBLIC, types: ["booking.confirmed", "ticket.issued"], description: "Büro <b> 🎭" };
    const response = await t.call("POST", "/webhooks", body);
    expect(response.statusCode).toBe(201);
    expect(response.headers["cache-control"]).toBe("no-store");
    const { secret, ...webhook } = response.json<WebhookRegistered>();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(webhook).toMatchObject({ ...body, enabled: true, disabledReason: null, failingSince: null });
    expect(webhook.id).toMatch(/^wh_[\w-]{22}$/);
    expect((await t.call("GET", `/webhooks/${webhook.id}`)).json()).toEqual(webhook);
    expect((await t.call("GET", "/webhooks")).body).not.toContain("whsec_");
  });

  it.each([
    ["no address", { url: "", types: ["user.deleted"] }],
    ["another scheme", { url: "ftp://integrator.example/", types: ["user.deleted"] }],
    ["no host", { url: "https://", types: ["user.deleted"] }],
    ["a port that is none", { url: "https://integrator.example:70000/", types: ["user.deleted"] }],
    ["a user", { url: "https://ann:pass@integrator.example/", types: ["user.deleted"] }],
    ["a fragment", { url: `${PUBLIC}#top`, types: ["user.deleted"] }],
    ["a blank", { url: `${PUBLIC} x`, types: ["user.deleted"] }],
    ["a huge address", { url: `${PUBLIC}${"x".repeat(2_000)}`, types: ["user.deleted"] }],
    ["no TLS", { url: "http://integrator.example/", types: ["user.deleted"] }],
    ["no types", { url: PUBLIC, types: [] }],
    ["an unknown type", { url: PUBLIC, types: ["booking.exploded"] }],
    ["a type twice", { url: PUBLIC, types: ["user.deleted", "user.deleted"] }],
    ["types of a wrong type", { url: PUBLIC, types: "user.deleted" }],
    ["an unknown field", { url: PUBLIC, types: ["user.deleted"], secret: "mine" }],
    ["a control character", { url: PUBLIC, types: ["user.deleted"], description: "a\u0007b" }],
  ])("refuses %s", async (_what, body) => {
    const response = await t.call("POST", "/webhooks", body);
    expect(response.statusCode, response.body).toBe(400);
    expect(response.json()).toMatchObject({ code: "BAD_MESSAGE" });
  });

  it.each([
    "127.0.0.1",
    "127.8.8.8",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "[::1]",
    "[::]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[::127.0.0.1]",
    "half.example",
  ])("refuses to send to %s", async (host) => {
    for (const method of ["POST", "PUT"] as const) {
      const registered = method === "PUT" ? await t.register(PUBLIC) : undefined;
      const url = registered === undefined ? "/webhooks" : `/webhooks/${registered.id}`;
      const response = await t.call(method, url, { url: `https://${host}/`, types: ["user.deleted"] });
      expect(response.statusCode, response.body).toBe(400);
      expect(response.json()).toMatchObject({ code: "BAD_MESSAGE", field: "body.url" });
    }
  });

  it.each(["https://8.8.8.8/", "https://[2606:4700::1111]:8443/x?y=z", "https://unknown.example", PUBLIC])(
    "takes %s",
    async (url) => {
      expect((await t.register(url)).url).toBe(url);
    },
  );

  it("does not wait for a name server that does not answer", async () => {
    let registered: WebhookRegistered | undefined;
    void t.register("https://hangs.example/").then((webhook) => (registered = webhook));
    await expect
      .poll(() => {
        t.clock.endWaits();
        return registered;
      })
      .toMatchObject({ enabled: true });
  });
});

describe("a webhook", () => {
  it("is changed as a whole, paused and enabled", async () => {
    const { id } = await t.register(PUBLIC, { description: "Accounting" });
    const change = async (body: object): Promise<Webhook> =>
      (await t.call("PUT", `/webhooks/${id}`, { url: PUBLIC, types: ["booking.expired"], ...body })).json();
    expect(await change({ enabled: false })).toMatchObject({
      types: ["booking.expired"],
      description: null,
      enabled: false,
      disabledReason: "Paused.",
    });
    expect((await t.call("POST", `/webhooks/${id}/test`)).json()).toMatchObject({ code: "CONFLICT" });
    expect(await change({ description: null })).toMatchObject({
      description: null,
      enabled: true,
      disabledReason: null,
    });
  });

  it("gets another secret, and the old one stays good for a day", async () => {
    const { id, secret } = await t.register(PUBLIC);
    const rotated = (await t.call("POST", `/webhooks/${id}/secret`)).json<WebhookSecret>();
    expect(rotated.secret).not.toBe(secret);
    const hours = (Date.parse(rotated.previousUntil ?? "") - t.clock.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(24);
  });

  it("is gone once deleted, with everything of it", async () => {
    const { id } = await t.register(PUBLIC);
    expect((await t.call("DELETE", `/webhooks/${id}`)).statusCode).toBe(204);
    for (const [method, path] of [
      ["GET", ""],
      ["PUT", ""],
      ["DELETE", ""],
      ["POST", "/secret"],
      ["POST", "/test"],
      ["GET", "/deliveries"],
      ["POST", "/deliveries/whd_1/retry"],
    ] as const) {
      const body = method === "PUT" ? { url: PUBLIC, types: ["user.deleted"] } : undefined;
      const response = await t.call(method, `/webhooks/${id}${path}`, body);
      expect([response.statusCode, response.json<{ code: string }>().code], `${method} ${path}`).toEqual([
        404,
        "NOT_FOUND",
      ]);
    }
  });

  it("keeps no event from the others while its log is deleted, and may be deleted twice at once", async () => {
    const [going, staying] = [await t.register(PUBLIC), await t.register(PUBLIC)];
    const { pool, clock } = t;
    const db = createDatabase<WebhookTables>(pool).withSchema(WEBHOOKS_SCHEMA);
    const deliveries = new Deliveries({ db, clock, random: systemRandom });
    const tell = () => deliveries.addForAll(testEvent("user.deleted", "ann", { userId: "ann" }));
    await tell();
    const other = await pool.connect();
    onTestFinished(async () => {
      await other.query("rollback");
      other.release();
    });
    await other.query("begin");
    await other.query("select from notifications.webhook_delivery where webhook_id = $1 for update", [going.id]);
    const waiting = async () => {
      const { rows } = await pool.query<{ count: number }>(
        "select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows[0]?.count;
    };
    const remove = () => t.call("DELETE", `/webhooks/${going.id}`);
    const first = remove();
    await expect.poll(waiting).toBe(1);
    expect(await tell()).toBe(true);
    const second = remove();
    await expect.poll(waiting).toBe(2);
    await other.query("rollback");
    const statuses = (await Promise.all([first, second])).map(({ statusCode }) => statusCode);
    expect(new Set(statuses)).toEqual(new Set([204, 404]));
    expect(await t.deliveries(staying.id)).toHaveLength(2);
    const { rows } = await pool.query("select from notifications.webhook_delivery where webhook_id = $1", [going.id]);
    expect(rows).toEqual([]);
  });

  it("is listed in pages, newest first", async () => {
    const made: string[] = [];
    for (let number = 0; number < 5; number++) made.unshift((await t.register(PUBLIC)).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page: Page<Webhook> = (await t.call("GET", `/webhooks?limit=2${query}`)).json();
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen.slice(0, 5)).toEqual(made);
    expect(new Set(seen).size).toBe(seen.length);
    const bad = Buffer.from(JSON.stringify([1e300, "x"])).toString("base64url");
    expect((await t.call("GET", `/webhooks?cursor=${bad}`)).statusCode).toBe(400);
  });

  it("is the administrator's business alone", async () => {
    const { id } = await t.register(PUBLIC);
    const calls = [
      ["POST", "/webhooks"],
      ["GET", "/webhooks"],
      ["GET", `/webhooks/${id}`],
      ["PUT", `/webhooks/${id}`],
      ["DELETE", `/webhooks/${id}`],
      ["POST", `/webhooks/${id}/secret`],
      ["POST", `/webhooks/${id}/test`],
      ["GET", `/webhooks/${id}/deliveries`],
      ["POST", `/webhooks/${id}/deliveries/whd_1/retry`],
    ] as const;
    const roles: Role[] = ["customer", "guest", "kiosk", "boxoffice", "gate"];
    for (const [method, url] of calls) {
      for (const role of roles) expect((await t.call(method, url, undefined, as("ann", role))).statusCode).toBe(403);
      expect((await t.call(method, url, undefined, { authorization: "" })).statusCode).toBe(401);
    }
  });
});
