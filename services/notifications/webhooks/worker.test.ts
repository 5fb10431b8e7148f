import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Webhook as Verifier } from "standardwebhooks";
import type { WebhookDelivery, WebhookSecret } from "../../../proto/rest/index.ts";
import { systemClock } from "../../../platform/clock/index.ts";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { freePorts } from "../../../platform/network/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { rowsRead, watchedDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { Deliveries } from "./deliveries.ts";
import {
  ATTEMPT_LEASE_MS,
  ATTEMPT_TIMEOUT_MS,
  DELIVERIES_KEPT_MS,
  PER_WEBHOOK_MAX,
  PRUNE_ROWS_MAX,
  RESPONSE_EXCERPT_MAX,
} from "./limits.ts";
import type { WebhookTables } from "./tables.ts";
import { type Receiver, testWebhooks, type TestWebhooks } from "./testing.ts";

const SOON = { timeout: 10_000 };
const HOUR_MS = 3_600_000;

let t: TestWebhooks;
let receiver: Receiver;
beforeEach(async () => {
  t = await testWebhooks();
  t.clock.standStill(); // Nothing is due again before the test says so.
  t.stream.start();
  await t.start();
  receiver = await t.receiver();
});
afterEach(() => t.close());

/** The webhook's only delivery. */
async function delivery(id: string): Promise<WebhookDelivery | undefined> {
  const deliveries = await t.deliveries(id);
  expect(deliveries.length).toBeLessThanOrEqual(1);
  return deliveries[0];
}

/** So often, and the outcome of the last is written. */
const attempted = (id: string, attempts: number) =>
  expect
    .poll(async () => {
      const text = "select attempts from notifications.webhook_delivery where webhook_id = $1 and leased_until is null";
      return (await t.pool.query(text, [id])).rows;
    }, SOON)
    .toEqual([{ attempts }]);

describe("a delivery", () => {
  it("is the event, signed, for those who want its type", async () => {
    const { id, secret } = await t.register(receiver.url);
    const other = await t.register(receiver.url, { types: ["booking.confirmed"] });
    const [event] = await t.tell("Ann \u202e 🎭 <b>");
    await expect.poll(() => receiver.requests.length, SOON).toBe(1);
    const [request] = receiver.requests;
    expect(new Verifier(secret).verify(request!.body, request!.headers)).toEqual(event);
    expect(request?.headers).toMatchObject({
      "webhook-id": event!.id,
      "content-type": "application/cloudevents+json; charset=utf-8",
    });
    expect(() => new Verifier(other.secret).verify(request!.body, request!.headers)).toThrow("signature");
    await expect
      .poll(() => delivery(id), SOON)
      .toMatchObject({
        eventId: event!.id,
        status: "delivered",
        attempts: 1,
        statusCode: 204,
        error: null,
        nextAttemptAt: null,
      });
    expect(await t.deliveries(other.id)).toEqual([]);
  });

  it("comes once when the event comes twice", async () => {
    const { id } = await t.register(receiver.url);
    const [event] = await t.tell("ann");
    await t.stream.publish(event!);
    await expect.poll(() => receiver.requests.length, SOON).toBe(1);
    expect(await t.deliveries(id)).toHaveLength(1);
  });

  it("is tried again after a 500, later and later, with the same id and body", async () => {
    receiver.answer = (_request, response) => void response.writeHead(500).end("out \0of order");
    const { id, secret } = await t.register(receiver.url);
    await t.tell("ann");
    for (const [attempts, seconds] of [5, 15, 45, 135, 405].entries()) {
      await attempted(id, attempts + 1);
      const failed = (await delivery(id))!;
      expect(failed).toMatchObject({ status: "pending", statusCode: 500, response: "out of order" });
      const waitMs = Date.parse(failed.nextAttemptAt!) - Date.parse(failed.lastAttemptAt!);
      expect(waitMs).toBeGreaterThan(seconds * 790);
      expect(waitMs).toBeLessThan(seconds * 1_210);
      t.clock.goForward(waitMs);
    }
    receiver.answer = (_request, response) => void response.writeHead(200).end("thanks");
    t.clock.goForward(HOUR_MS);
    await expect
      .poll(() => delivery(id), SOON)
      .toMatchObject({ status: "delivered", statusCode: 200, response: "thanks" });
    expect(new Set(receiver.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    // The clock is ahead of the verifier's by now.
    expect(() =>
      new Verifier(secret).verify(receiver.requests.at(-1)!.body, receiver.requests.at(-1)!.headers),
    ).toThrow("too new");
  });

  it("waits for a receiver that is down", async () => {
    const [port = 0] = await freePorts(1);
    const mortal = await t.receiver(port);
    const { id } = await t.register(mortal.url);
    await mortal.close();
    await t.tell("ann");
    await attempted(id, 1);
    expect(await delivery(id)).toMatchObject({
      status: "pending",
      statusCode: null,
      error: expect.stringContaining("ECONNREFUSED"),
    });
    await mortal.listen(port);
    t.clock.goForward(10_000);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "delivered", attempts: 2 });
  });

  it("takes a receiver that answers with an upgrade that nobody asked for for one that failed", async () => {
    receiver.answer = ({ socket }) =>
      void socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await attempted(id, 1);
    expect(await delivery(id)).toMatchObject({ status: "pending", statusCode: null, error: expect.any(String) });
    receiver.answer = (_request, response) => void response.writeHead(204).end();
    t.clock.goForward(10_000);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "delivered", attempts: 2 });
  });

  it("does not follow a redirect", async () => {
    const target = await t.receiver();
    receiver.answer = (_request, response) => void response.writeHead(307, { location: target.url }).end();
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await attempted(id, 1);
    expect(await delivery(id)).toMatchObject({ status: "pending", statusCode: 307 });
    expect(target.requests).toEqual([]);
  });

  it("takes a receiver that does not answer in time for one that failed, and gives the others their events meanwhile", async () => {
    receiver.answer = () => {};
    const quick = await t.receiver();
    const [slowHook, quickHook] = [await t.register(receiver.url), await t.register(quick.url)];
    const users = Array.from({ length: 20 }, (_, number) => `u${number}`);
    await t.tell(...users);
    await expect.poll(() => quick.requests.length, SOON).toBe(20);
    await expect.poll(() => receiver.requests.length, SOON).toBe(PER_WEBHOOK_MAX);
    await expect
      .poll(async () => (await t.deliveries(quickHook.id)).every(({ status }) => status === "delivered"), SOON)
      .toBe(true);
    expect(receiver.requests).toHaveLength(PER_WEBHOOK_MAX);
    t.clock.endWaits();
    await expect
      .poll(async () => (await t.deliveries(slowHook.id)).filter(({ error }) => error !== null), SOON)
      .toHaveLength(PER_WEBHOOK_MAX);
    const failed = (await t.deliveries(slowHook.id)).find(({ error }) => error !== null);
    expect(failed).toMatchObject({ status: "pending", statusCode: null, error: "No answer within 10 s." });
  });

  it.each<[string, Receiver["answer"], object]>([
    [
      "has no end",
      (_request, response) => {
        response.writeHead(200);
        const pour = (): void =>
          void (response.destroyed || response.write("x".repeat(65_536), () => setImmediate(pour)));
        pour();
      },
      { statusCode: 200, response: "x".repeat(RESPONSE_EXCERPT_MAX) },
    ],
    [
      "is shorter than announced",
      (_request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write("short", () => response.destroy());
      },
      { statusCode: 200, response: "short" },
    ],
    [
      "is longer than announced",
      (request) =>
        void request.socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nlong and HTTP/1.1 500 No\r\n\r\n"),
      { statusCode: 200, response: "lo" },
    ],
  ])("stands by the status of an answer whose body %s", async (_what, answer, expected) => {
    receiver.answer = answer;
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "delivered", ...expected });
    await expect.poll(() => receiver.connections, SOON).toBe(0);
  });

  it.each<[string, Receiver["answer"]]>([
    ["speaks no HTTP", (request) => void request.socket.end("220 mail.example ESMTP\r\n")],
    ["hangs up", (request) => void request.socket.destroy()],
    [
      "has headers without end",
      (request) => void request.socket.end(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(1_000_000)}\r\n\r\n`),
    ],
  ])("fails at a receiver that %s", async (_what, answer) => {
    receiver.answer = answer;
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await attempted(id, 1);
    expect(await delivery(id)).toMatchObject({ status: "pending", statusCode: null });
    expect((await delivery(id))?.error).not.toBe("");
  });

  it("that was under way when the process died is made by another, once its lease is over", async () => {
    receiver.answer = () => {};
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await expect.poll(() => receiver.requests.length, SOON).toBe(1);
    const next = t.another();
    await t.start(next);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ attempts: 1, status: "pending" });
    receiver.answer = (_request, response) => void response.writeHead(200).end();
    t.clock.goForward(ATTEMPT_LEASE_MS);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ attempts: 2, status: "delivered" });
    t.clock.endWaits(); // The first process was not dead after all: what it has to say comes too late.
    await t.webhooks.stop();
    expect(await delivery(id)).toMatchObject({ attempts: 2, status: "delivered" });
  });

  it("is deleted once the log does not go back so far, and however many there are", async () => {
    const { id } = await t.register(receiver.url);
    await t.pool.query(
      `insert into notifications.webhook_delivery
        (id, webhook_id, event_id, type, body, status, created_at, give_up_at, next_attempt_at)
      select 'wd_' || n, $1, 'ev_' || n, 'booking.created', '', 'delivered', $2::timestamptz, $2, $2
      from generate_series(1, $3::int) as n`,
      [id, new Date(t.clock.now() - DELIVERIES_KEPT_MS - 1), PRUNE_ROWS_MAX + 1],
    );
    await t.start(t.another());
    const left = async () => (await t.pool.query("select from notifications.webhook_delivery")).rowCount;
    await expect.poll(left, SOON).toBe(0);
  });

  it("is made once, however many processes look", async () => {
    const { id } = await t.register(receiver.url);
    await Promise.all([t.start(t.another()), t.start(t.another())]);
    await t.tell(...Array.from({ length: 60 }, (_, number) => `u${number}`));
    const delivered = async () =>
      (await t.call("GET", `/webhooks/${id}/deliveries?status=delivered&limit=100`)).json<{ items: unknown[] }>().items;
    await expect.poll(async () => (await delivered()).length, SOON).toBe(60);
    expect(receiver.requests).toHaveLength(60);
  });

  it("can be made again by hand", async () => {
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "delivered" });
    receiver.answer = (_request, response) => void response.writeHead(503).end();
    const retry = await t.call("POST", `/webhooks/${id}/deliveries/${(await delivery(id))?.id}/retry`);
    expect(retry.statusCode).toBe(202);
    expect(retry.json()).toMatchObject({ status: "pending", attempts: 1 });
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "failed", attempts: 2, statusCode: 503 });
    expect((await t.call("GET", `/webhooks/${id}`)).json()).toMatchObject({ failingSince: null });
  });
});

describe("a webhook", () => {
  it("can be tested", async () => {
    const { id, secret } = await t.register(receiver.url);
    expect((await t.call("POST", `/webhooks/${id}/test`)).json()).toMatchObject({
      type: "webhook.test",
      status: "pending",
    });
    await expect.poll(() => receiver.requests.length, SOON).toBe(1);
    const [request] = receiver.requests;
    expect(new Verifier(secret).verify(request!.body, request!.headers)).toMatchObject({
      specversion: "1.0",
      type: "webhook.test",
      data: { webhookId: id },
    });
    receiver.answer = (_request, response) => void response.writeHead(404).end();
    const failing = (await t.call("POST", `/webhooks/${id}/test`)).json<WebhookDelivery>();
    await expect
      .poll(async () => (await t.deliveries(id)).find((it) => it.id === failing.id), SOON)
      .toMatchObject({ status: "failed", attempts: 1, statusCode: 404 });
  });

  it("that answers 410 is disabled, and gets what waits when it is enabled again", async () => {
    const { id } = await t.register(receiver.url);
    receiver.answer = (_request, response) => void response.writeHead(410).end();
    await t.tell("ann");
    const state = async () => (await t.call("GET", `/webhooks/${id}`)).json<object>();
    await expect.poll(state, SOON).toMatchObject({ enabled: false, disabledReason: "It answered 410 Gone." });
    await t.tell("bob");
    expect((await t.deliveries(id)).map(({ status }) => status)).toEqual(["failed"]);
    receiver.answer = (_request, response) => void response.writeHead(200).end();
    await t.call("PUT", `/webhooks/${id}`, { url: receiver.url, types: ["user.deleted"] });
    t.clock.goForward(1);
    await t.tell("cyd");
    await expect
      .poll(async () => (await t.deliveries(id)).map(({ status }) => status), SOON)
      .toEqual(["delivered", "failed"]);
  });

  it("that is enabled again after days has three more in which what was pending is tried", async () => {
    const answerWith = (status: number) =>
      (receiver.answer = (_request, response) => void response.writeHead(status).end());
    const change = (enabled: boolean) =>
      t.call("PUT", `/webhooks/${id}`, { url: receiver.url, types: ["user.deleted"], enabled });
    answerWith(500);
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await attempted(id, 1);
    await change(false);
    t.clock.goForward(100 * HOUR_MS);
    answerWith(503);
    await change(true);
    await expect.poll(() => receiver.requests.length, SOON).toBeGreaterThan(1);
    answerWith(200);
    await expect.poll(async () => (await delivery(id))?.statusCode, SOON).not.toBe(500);
    t.clock.goForward(HOUR_MS);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "delivered" });
  });

  it("that failed for three days is disabled", async () => {
    receiver.answer = (_request, response) => void response.writeHead(500).end();
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await attempted(id, 1);
    t.clock.goForward(70 * HOUR_MS);
    await attempted(id, 2);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "pending" });
    const webhook = async () => (await t.call("GET", `/webhooks/${id}`)).json<object>();
    expect(await webhook()).toMatchObject({ enabled: true, failingSince: expect.any(String) });
    t.clock.goForward(2 * HOUR_MS);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "failed", attempts: 3 });
    await expect
      .poll(webhook, SOON)
      .toMatchObject({ enabled: false, disabledReason: "Every delivery failed for three days." });
  });

  it("that fails is counted, also once it is disabled for that, until it takes its deliveries or somebody pauses it", async () => {
    const metrics = createMetrics("test", { ofProcess: false });
    const watched = await testWebhooks({ metrics });
    const failing = async () => (await metrics.getSingleMetric("usher_webhooks_failing")?.get())?.values[0]?.value;
    try {
      watched.stream.start();
      await watched.start();
      const { id } = await watched.register(receiver.url);
      await expect.poll(failing, SOON).toBe(0);
      receiver.answer = (_request, response) => void response.writeHead(500).end();
      await watched.tell("ann");
      await expect.poll(failing, SOON).toBe(1);
      const webhook = async () => (await watched.call("GET", `/webhooks/${id}`)).json<{ enabled: boolean }>();
      watched.clock.goForward(73 * HOUR_MS);
      await expect.poll(webhook, SOON).toMatchObject({ enabled: false });
      await expect.poll(failing, SOON).toBe(1);

      const change = (enabled: boolean) =>
        watched.call("PUT", `/webhooks/${id}`, { url: receiver.url, types: ["user.deleted"], enabled });
      await change(true);
      await expect.poll(failing, SOON).toBe(0);
      await watched.tell("bob");
      await expect.poll(failing, SOON).toBe(1);
      await change(false);
      await expect.poll(failing, SOON).toBe(0);
      await change(true);
      await watched.tell("cyd");
      await expect.poll(failing, SOON).toBe(1);
      receiver.answer = (_request, response) => void response.writeHead(204).end();
      watched.clock.goForward(HOUR_MS);
      await expect.poll(failing, SOON).toBe(0);
    } finally {
      await watched.close();
    }
  });

  it("whose test failed days ago is not disabled by its next failure", async () => {
    receiver.answer = (_request, response) => void response.writeHead(503).end();
    const { id } = await t.register(receiver.url);
    await t.call("POST", `/webhooks/${id}/test`);
    const latest = async () => (await t.deliveries(id))[0];
    await expect.poll(latest, SOON).toMatchObject({ type: "webhook.test", status: "failed" });
    t.clock.goForward(73 * HOUR_MS);
    await t.tell("ann");
    await expect.poll(latest, SOON).toMatchObject({ type: "user.deleted", status: "pending", statusCode: 503 });
    expect((await t.call("GET", `/webhooks/${id}`)).json()).toMatchObject({
      enabled: true,
      failingSince: expect.any(String),
    });
  });

  it("that answers well in between has not failed for three days", async () => {
    receiver.answer = (_request, response) => void response.writeHead(500).end();
    const { id } = await t.register(receiver.url);
    await t.tell("ann");
    await attempted(id, 1);
    receiver.answer = (_request, response) => void response.writeHead(200).end();
    t.clock.goForward(70 * HOUR_MS);
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "delivered" });
    expect((await t.call("GET", `/webhooks/${id}`)).json()).toMatchObject({ enabled: true, failingSince: null });
  });

  it("that answers comes before one that fails, whatever waits for that", async () => {
    const quiet = await testWebhooks();
    try {
      quiet.stream.start();
      const failing = await quiet.register(receiver.url);
      await quiet.pool.query("update notifications.webhook set failing_since = now()");
      const well = await quiet.register(receiver.url);
      const db = createDatabase<WebhookTables>(quiet.pool).withSchema("notifications");
      const deliveries = new Deliveries({ db, clock: quiet.clock, random: systemRandom });
      const [event] = await quiet.tell("ann");
      await deliveries.addForAll(event!);
      const taken = async () => (await deliveries.take(1)).map(({ webhookId }) => webhookId);
      expect([await taken(), await taken(), await taken()]).toEqual([[well.id], [failing.id], []]);
    } finally {
      await quiet.close();
    }
  });

  it("that is silent for days costs each look for what is due no look at all that waits for it", async () => {
    const silent = await testWebhooks();
    try {
      const { id } = await silent.register(receiver.url);
      await silent.pool.query(
        `insert into notifications.webhook_delivery
          (id, webhook_id, event_id, type, body, status, created_at, give_up_at, next_attempt_at)
        select 'wd_' || n, $1, 'ev_' || n, 'booking.created', '', 'pending', now(), now() + interval '3 days',
          now() + interval '1 hour' from generate_series(1, 20000) as n`,
        [id],
      );
      await silent.pool.query("analyze notifications.webhook_delivery");
      const { db, asked } = watchedDatabase<WebhookTables>(silent.pool);
      const deliveries = new Deliveries({
        db: db.withSchema("notifications"),
        clock: systemClock,
        random: systemRandom,
      });
      expect(await deliveries.take(10)).toEqual([]);
      expect(asked).toHaveLength(1);
      for (const query of asked) expect(await rowsRead(silent.pool, "webhook_delivery", query)).toBeLessThan(100);
    } finally {
      await silent.close();
    }
  });

  it("whose deliveries hardly ever fail has those that did found without a look at the others", async () => {
    const { id } = await t.register(receiver.url);
    await t.pool.query(
      `insert into notifications.webhook_delivery
        (id, webhook_id, event_id, type, body, status, created_at, give_up_at, next_attempt_at)
      select 'wd_' || n, $1, 'ev_' || n, 'booking.created', '', case n when 1 then 'failed' else 'delivered' end,
        now() + n * interval '1 second', now(), now() from generate_series(1, 20000) as n`,
      [id],
    );
    await t.pool.query("analyze notifications.webhook_delivery");
    const { db, asked } = watchedDatabase<WebhookTables>(t.pool);
    const deliveries = new Deliveries({ db: db.withSchema("notifications"), clock: systemClock, random: systemRandom });
    expect((await deliveries.list(id, { status: "failed" })).items).toMatchObject([{ id: "wd_1" }]);
    expect(asked).toHaveLength(1);
    for (const query of asked) expect(await rowsRead(t.pool, "webhook_delivery", query)).toBeLessThan(100);
  });

  it("whose name server is silent is looked up once, however many deliveries wait for it", async () => {
    let lookUps = 0;
    let fail: () => void = () => {};
    const silence = new Promise<never>((_resolve, reject) => (fail = () => reject(new Error("no answer"))));
    const stuck = await testWebhooks({
      resolve: () => {
        lookUps++;
        return silence;
      },
    });
    try {
      stuck.stream.start();
      await stuck.start();
      let id: string | undefined;
      void stuck.register("https://hangs.example/").then((webhook) => (id = webhook.id));
      await expect
        .poll(() => {
          stuck.clock.endWaits();
          return id;
        }, SOON)
        .toBeDefined();
      await stuck.tell(...Array.from({ length: 20 }, (_, number) => `u${number}`));
      await expect
        .poll(async () => {
          stuck.clock.goForward(ATTEMPT_TIMEOUT_MS);
          stuck.clock.endWaits();
          return (await stuck.deliveries(id!)).reduce((sum, { attempts }) => sum + attempts, 0);
        }, SOON)
        .toBeGreaterThanOrEqual(20);
      expect(lookUps).toBe(1);
    } finally {
      fail();
      await stuck.close();
    }
  });

  it("whose secret is replaced signs with both for a day", async () => {
    const { id, secret } = await t.register(receiver.url);
    const rotated = (await t.call("POST", `/webhooks/${id}/secret`)).json<WebhookSecret>();
    await t.tell("ann");
    await expect.poll(() => receiver.requests.length, SOON).toBe(1);
    const [request] = receiver.requests;
    for (const each of [secret, rotated.secret]) {
      expect(() => new Verifier(each).verify(request!.body, request!.headers)).not.toThrow();
    }
    await attempted(id, 1); // One that is not written down is made again.
    t.clock.goForward(25 * HOUR_MS);
    await t.tell("bob");
    await expect.poll(() => receiver.requests.length, SOON).toBe(2);
    expect(receiver.requests[1]?.headers["webhook-signature"]?.split(" ")).toHaveLength(1);
  });
});

describe("an address that changes after it was registered", () => {
  it("is judged again at the connection, which goes to what was judged", async () => {
    let address = "93.184.216.34";
    let lookUps = 0;
    const strict = await testWebhooks({
      config: { webhookPrivateAddresses: false, host: "0.0.0.0" },
      resolve: async () => {
        lookUps++;
        return [{ address, family: 4 }];
      },
    });
    try {
      strict.stream.start();
      await strict.start();
      const { id } = await strict.register(`https://rebinding.example:${receiver.port}/`);
      address = "127.0.0.1";
      lookUps = 0;
      await strict.tell("ann");
      await expect
        .poll(async () => (await strict.deliveries(id))[0], SOON)
        .toMatchObject({ attempts: 1, statusCode: null, error: expect.stringContaining("not on the public Internet") });
      expect(lookUps).toBe(1);
      expect(receiver.connections).toBe(0);
    } finally {
      await strict.close();
    }
  });

  it("reaches a name of this machine where that is allowed", async () => {
    const { id } = await t.register(`http://localhost:${receiver.port}/hook?a=b`);
    await t.tell("ann");
    await expect.poll(() => delivery(id), SOON).toMatchObject({ status: "delivered" });
    expect(receiver.requests[0]).toMatchObject({ url: "/hook?a=b", headers: { host: `localhost:${receiver.port}` } });
  });
});
