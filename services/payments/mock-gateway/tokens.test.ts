import { describe, expect, it } from "vitest";
import { until } from "../../../platform/testing/until.ts";
import { id, payments, shop, useOneShop } from "../testing/one-shop.ts";
import { PRICE } from "../testing/shop.ts";

useOneShop();

/** Of the test's payment: that of another may come late. */
const webhooks = async () => {
  const { rowCount } = await shop.pool.query(
    "select from payments.webhook join mock_gateway.webhook as sent using (id) where sent.body like $1",
    [`%"${id}"%`],
  );
  return rowCount;
};
const changes = () => payments.changes.filter(({ paymentId }) => paymentId === id).map(({ state }) => state);
const told = () => payments.events.map(({ type }) => type);

describe("the tokens of the mock gateway", () => {
  it("tok_ok is authorized by webhook, captured when bookings says so, and refunded in parts", async () => {
    const started = await payments.start({ paymentId: id });
    expect(started).toMatchObject({ ok: true, value: { paymentId: id, amount: PRICE, next: null, reason: null } });
    expect(await payments.becomes(id, "authorized")).toMatchObject({ captured: 0 });
    await until(async () => (await webhooks()) === 1, "a webhook");
    expect(told()).toEqual([]);

    expect(await payments.capture(id)).toMatchObject({ ok: true, value: { state: "captured", captured: 2_400 } });
    expect(await payments.refund(id, `rf_${id}_1`, 1_000)).toMatchObject({ ok: true, value: { refunded: 1_000 } });
    expect(await payments.refund(id, `rf_${id}_2`, 1_400)).toMatchObject({ ok: true, value: { refunded: 2_400 } });
    await until(() => payments.events.length === 3, "three events");
    expect(payments.events).toMatchObject([
      {
        type: "payment.success",
        subject: `bk_${id}`,
        source: "/usher/payments",
        data: { paymentId: id, amount: PRICE },
      },
      {
        type: "payment.refund",
        subject: `bk_${id}`,
        data: { refundId: `rf_${id}_1`, refund: { amount: 1_000, currency: "EUR" } },
      },
      { type: "payment.refund", data: { refundId: `rf_${id}_2`, reason: "Cancelled by the buyer." } },
    ]);
    expect(changes()).toEqual(["authorized", "captured", "captured", "captured"]);
    expect(await payments.service.reconcile()).toMatchObject({ compared: 1, differences: [], unreachable: [] });
  });

  it("tok_declined fails, with a reason for people", async () => {
    await payments.start({ paymentId: id, token: "tok_declined" });
    expect(await payments.becomes(id, "failed")).toMatchObject({ reason: "The card was declined." });
    await until(() => payments.events.length === 1, "an event");
    expect(payments.events).toMatchObject([{ type: "payment.failed", data: { reason: "The card was declined." } }]);
    expect(await payments.capture(id)).toMatchObject({ ok: false, code: "CONFLICT" });
  });

  it.each(["tok_visa", "'; drop table", "TOK_OK", "__proto__"])(
    "%s, which nobody knows, is declined",
    async (token) => {
      await payments.start({ paymentId: id, token });
      expect(await payments.becomes(id, "failed")).toMatchObject({ reason: "The card is not known." });
    },
  );

  it("tok_slow is pending for ten seconds", async () => {
    await payments.start({ paymentId: id, token: "tok_slow" });
    shop.gatewayClock.shift(5_000);
    expect(await payments.read(id, true)).toMatchObject({ value: { state: "pending" } });
    shop.gatewayClock.shift(5_000);
    await payments.becomes(id, "authorized");
    shop.gatewayClock.shift(-10_000);
  });

  it("tok_late comes only when the time to pay is over", async () => {
    const payBy = new Date(payments.clock.now() + 60_000).toISOString();
    await payments.start({ paymentId: id, token: "tok_late", payBy });
    shop.gatewayClock.shift(50_000);
    expect(await payments.read(id, true)).toMatchObject({ value: { state: "pending" } });
    shop.gatewayClock.shift(10_000);
    await payments.becomes(id, "authorized");
    expect(shop.gatewayClock.now()).toBeGreaterThan(Date.parse(payBy) + 1_000);
  });

  it("tok_duplicate comes three times and counts once", async () => {
    await payments.start({ paymentId: id, token: "tok_duplicate" });
    await payments.becomes(id, "authorized");
    const deliveries = await until(async () => {
      const { rows } = await shop.pool.query(
        "select attempts from mock_gateway.webhook where body like $1 and copies = 0",
        [`%"${id}"%`],
      );
      return rows[0]?.attempts;
    }, "three deliveries");
    expect(deliveries).toBe(3);
    expect(await webhooks()).toBe(1);
    await payments.capture(id);
    expect(changes()).toEqual(["authorized", "captured"]);
  });

  it("tok_no_webhook is found by polling, soon", async () => {
    const begun = performance.now();
    await payments.start({ paymentId: id, token: "tok_no_webhook" });
    await payments.becomes(id, "authorized");
    expect(performance.now() - begun).toBeLessThan(10_000); // It is asked for again every 1 to 15 seconds.
    expect(await webhooks()).toBe(0);
  });
});

describe("the hosted page", () => {
  it("is where a buyer without a token chooses", async () => {
    const started = await payments.start({ paymentId: id, token: null });
    const next = started.ok ? started.value.next : null;
    if (next === null || !("url" in next)) throw new Error("no page to go to");
    expect(next.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/pay\//);

    expect(await (await fetch(new URL("/", next.url))).text()).toContain("This gateway moves no money");
    const page = await (await fetch(next.url)).text();
    expect(page).toContain("€24.00");
    expect(page).toContain("2 seats, &lt;Späti &amp; Söhne&gt;");
    expect(page).not.toContain("<script");
    expect(page.match(/<button name="token" value="tok_\w+">/g)).toHaveLength(6);
    expect(await payments.read(id, true)).toMatchObject({ value: { state: "pending", next } });

    const sent = { method: "POST", body: new URLSearchParams({ token: "tok_ok" }), redirect: "manual" } as const;
    // Wherever a proxy shows the page.
    expect((await fetch(next.url, sent)).headers.get("location")).toBe(next.url.split("/").at(-1));
    const chosen = await fetch(next.url, { method: "POST", body: new URLSearchParams({ token: "tok_ok" }) });
    expect(chosen.redirected).toBe(true);
    expect(await chosen.text()).toContain("You can go back to the shop.");
    expect(await payments.becomes(id, "authorized")).toMatchObject({ next: null });

    await fetch(next.url, { method: "POST", body: new URLSearchParams({ token: "tok_declined" }) });
    expect(await payments.read(id, true)).toMatchObject({ value: { state: "authorized" } });
  });

  it("knows no other payments, and takes no other bodies", async () => {
    const at = (path: string, init?: RequestInit) => fetch(`${shop.gateway.url}/pay/${path}`, init);
    expect((await at("mp_unknown")).status).toBe(404);
    expect((await at("%27%20or%201=1")).status).toBe(400);
    expect((await at("mp_unknown", { method: "POST", body: new URLSearchParams({ token: "x" }) })).status).toBe(404);
    expect((await at("mp_unknown", { method: "POST", body: new URLSearchParams({ tok: "x" }) })).status).toBe(400);
    expect((await at("mp_unknown", { method: "POST", body: "x".repeat(2_000_000) })).status).toBe(413);
  });
});
