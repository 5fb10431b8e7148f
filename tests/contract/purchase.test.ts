/** The lines of the contract about bookings, payments, tickets and the gate. */
import { describe, expect, it } from "vitest";
import type { Booking } from "../../proto/rest/index.ts";
import { boxOffice } from "../support/box-office.ts";
import { problem, Purchases } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);
const ID = expect.stringMatching(/^[A-Za-z0-9_-]+$/);
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe("a booking", () => {
  it("has its seats, its prices and a deadline, and pins the hold", async () => {
    const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
    const { holdId } = await purchases.hold(guest, showtime, [40, 41]);
    const body = { holdId, tickets: [{ seat: 41, type: "child" }] };
    const made = await office.rest.post<Booking>("bookings", { token: guest.token, body });
    const { categories, seats } = await office.rest.layout(showtime);
    const price = (seat: number, type: "adult" | "child"): unknown =>
      categories.find(({ id }) => id === seats[seat]?.category)?.prices[type];
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: ID,
        status: "pending",
        reason: null,
        seats: [40, 41],
        payBy: INSTANT,
        userId: guest.userId,
        tickets: [
          { seat: 40, label: seats[40]?.label, type: "adult", price: price(40, "adult") },
          { seat: 41, label: seats[41]?.label, type: "child", price: price(41, "child") },
        ],
      },
    });
    const [first, second] = made.body.tickets;
    expect(made.body.total.amount).toBe((first?.price.amount ?? 0) + (second?.price.amount ?? 0));
    expect(made.headers.get("location")).toBe(`/api/v1/bookings/${made.body.id}`);
    for (const [method, path] of [
      ["POST", "/extend"],
      ["DELETE", ""],
    ] as const) {
      expect(await office.rest.call(method, `holds/${holdId}${path}`, { token: guest.token })).toMatchObject(
        problem(409, "HOLD_PINNED"),
      );
    }
    expect(await office.rest.post("bookings", { token: guest.token, body: { holdId } })).toMatchObject(
      problem(409, "HOLD_PINNED"),
    );
    const list = await office.rest.get("bookings", { token: guest.token });
    expect(list).toMatchObject({ status: 200, body: { items: [{ id: made.body.id }], nextCursor: null } });
  });

  it("is paid, gives one ticket per seat, and lets each in once", async () => {
    const [showtime, guest, gate] = [
      office.anotherShowtime("ha_studio"),
      await office.guest(),
      await purchases.person("gate"),
    ];
    const { id } = await purchases.buy(guest, showtime, [10, 11]);
    expect((await office.rest.seats(showtime)).statuses.slice(9, 13)).toBe("0220");
    const [first, second] = await purchases.tickets(guest, id, 2);
    expect([first, second]).toMatchObject([
      { id: ID, seat: 10, qr: expect.any(String), status: "valid" },
      { id: ID, seat: 11, qr: expect.any(String), status: "valid" },
    ]);
    expect(first?.qr).not.toBe(second?.qr);
    const pdf = await office.rest.get<string>(`tickets/${first?.id}.pdf`, { token: guest.token });
    expect([pdf.status, pdf.headers.get("content-type"), pdf.body.slice(0, 5)]).toEqual([
      200,
      "application/pdf",
      "%PDF-",
    ]);
    const svg = await office.rest.get<string>(`tickets/${first?.id}.svg`, { token: guest.token });
    expect([svg.status, svg.headers.get("content-type")]).toEqual([200, expect.stringMatching(/^image\/svg\+xml/)]);
    expect(svg.body).toMatch(/^(<\?xml[^>]*>\s*)?<svg /);

    const checkIn = (qr: string | undefined, more: object = {}) =>
      office.rest.post("tickets/check-in", { token: gate.token, body: { qr, ...more } });
    expect(await checkIn(first?.qr, { showtimeId: "st_premiere" })).toMatchObject(problem(422, "BAD_TICKET"));
    const entered = await checkIn(first?.qr, { showtimeId: showtime });
    expect(entered).toMatchObject({ status: 200, body: { seat: 10, checkedInAt: INSTANT } });
    const { checkedInAt } = entered.body;
    const again = await checkIn(first?.qr);
    expect(again).toMatchObject(problem(409, "ALREADY_USED"));
    expect(again.body).toMatchObject({ checkedInAt });
    const listed = await purchases.tickets(guest, id, 2);
    expect(listed.map(({ status }) => status).sort()).toEqual(["used", "valid"]);

    const [at, qr] = [Math.floor((second?.qr.length ?? 0) / 2), second?.qr ?? ""];
    for (const changed of [
      `${qr.slice(0, at)}${qr[at] === "A" ? "B" : "A"}${qr.slice(at + 1)}`,
      qr.slice(1),
      `${qr}A`,
      qr.toLowerCase(),
      ` ${qr}`,
      "",
      "🎟",
      second?.id,
    ]) {
      expect(await checkIn(changed), String(changed)).toMatchObject(problem(422, "BAD_TICKET"));
    }
    // Of two gates that read it at once, one lets in.
    const both = await Promise.all([checkIn(qr), checkIn(qr)]);
    expect(both.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409]);
  });

  it("is cancelled in part and as a whole: seats free, tickets void, money back", async () => {
    const [showtime, guest, gate] = [
      office.anotherShowtime("ha_arena"),
      await office.guest(),
      await purchases.person("gate"),
    ];
    const { id, total } = await purchases.buy(guest, showtime, [20, 21, 22]);
    const tickets = await purchases.tickets(guest, id, 3);
    const cancel = (body?: object) => office.rest.post(`bookings/${id}/cancel`, { token: guest.token, body });

    const part = await cancel({ seats: [21] });
    expect(part).toMatchObject({ status: 200, body: { status: "confirmed", seats: [20, 22] } });
    const { amount } = (part.body as unknown as Booking).total; // As the contract has it.
    expect(amount).toBe(Math.round((total.amount * 2) / 3));
    await expect.poll(async () => (await office.rest.seats(showtime)).statuses.slice(20, 23)).toBe("202");
    const left = await purchases.tickets(guest, id, 2);
    expect(left.map(({ seat }) => seat)).toEqual([20, 22]);
    expect(
      await office.rest.post("tickets/check-in", { token: gate.token, body: { qr: tickets[1]?.qr } }),
    ).toMatchObject(problem(422, "BAD_TICKET"));
    expect(await cancel({ seats: [21] })).toMatchObject(problem(404, "NOT_FOUND"));

    expect(await cancel()).toMatchObject({
      status: 200,
      body: { status: expect.stringMatching(/cancelled|refunded/) },
    });
    expect((await purchases.read(guest, id)).reason).toEqual(expect.any(String));
    await expect.poll(async () => (await office.rest.seats(showtime)).statuses.slice(20, 23)).toBe("000");
    await purchases.tickets(guest, id, 0);
    expect(await cancel()).toMatchObject(problem(409, "BOOKING_STATE"));
    expect(await purchases.pay(guest, id, "tok_ok")).toMatchObject(problem(409, "BOOKING_STATE"));
    await purchases.balances();
  });

  it("is nobody else's: others find nothing, the admin finds it", async () => {
    const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
    const { id } = await purchases.buy(guest, showtime, [1]);
    const [ticket] = await purchases.tickets(guest, id, 1);
    const calls = [
      ["GET", `bookings/${id}`],
      ["POST", `bookings/${id}/payments`, { method: "mock", token: "tok_ok" }],
      ["POST", `bookings/${id}/cancel`, {}],
      ["GET", `bookings/${id}/tickets`],
      ["GET", `bookings/${id}/tickets.pdf`],
      ["GET", `tickets/${ticket?.id}.pdf`],
      ["GET", `tickets/${ticket?.id}.svg`],
      ["POST", `tickets/${ticket?.id}/reissue`],
    ] as const;
    for (const role of ["customer", "guest", "kiosk", "boxoffice"] as const) {
      const { token } = await purchases.person(role);
      for (const [method, path, body] of calls) {
        const { status, headers } = await office.rest.call(method, path, { token, body });
        expect([role, method, path, status]).toEqual([role, method, path, 404]);
        expect(headers.get("content-type")).toMatch(/^application\/problem\+json/);
      }
      expect((await office.rest.get(`bookings?userId=${guest.userId}`, { token })).status).toBeOneOf([403, 404]);
    }
    const { token } = await purchases.admin();
    expect(await office.rest.get(`bookings/${id}`, { token })).toMatchObject({ status: 200, body: { id } });
    expect(await office.rest.get(`bookings?userId=${guest.userId}`, { token })).toMatchObject({
      body: { items: [{ id }] },
    });
  });

  it("goes along when a guest becomes a customer", async () => {
    const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
    const { id } = await purchases.buy(guest, showtime, [2]);
    const { status, body } = await office.rest.post<{ accessToken: string; user: { id: string; role: string } }>(
      "auth/register",
      { token: guest.token, body: { email: "kept@example.com", password: "correct horse battery", name: "Kit" } },
    );
    expect([status, body.user.role]).toEqual([201, "customer"]);
    const customer = { userId: body.user.id, token: body.accessToken };
    expect(await purchases.read(customer, id)).toMatchObject({ status: "confirmed" });
    await purchases.tickets(customer, id, 1);
  });
});

describe("a token of the mock gateway", () => {
  it.each(["tok_ok", "tok_duplicate", "tok_no_webhook", "tok_slow"])("%s: confirmed, and paid once", async (token) => {
    const [showtime, guest] = [office.anotherShowtime("ha_classic"), await office.guest()];
    const { id, seats } = await purchases.book(guest, showtime, [5]);
    const begun = await purchases.pay(guest, id, token);
    expect(begun).toMatchObject({ status: 202, body: { paymentId: ID, status: "pending" } });
    await purchases.comesTo(guest, id, { status: "confirmed", seats, payment: { status: "captured" } });
    await purchases.balances();
  });

  it.each(["tok_declined", "tok_nobody_knows"])("%s: not paid, and another may be tried", async (token) => {
    const [showtime, guest] = [office.anotherShowtime("ha_classic"), await office.guest()];
    const { id } = await purchases.book(guest, showtime, [5]);
    expect((await purchases.pay(guest, id, token)).status).toBe(202);
    await purchases.comesTo(guest, id, {
      status: expect.stringMatching(/^(pending|failed)$/),
      reason: expect.any(String),
    });
    expect(await office.rest.get(`bookings/${id}/tickets`, { token: guest.token })).toMatchObject({
      status: 200,
      body: { items: [] },
    });
    expect((await purchases.pay(guest, id, "tok_ok")).status).toBe(202);
    await purchases.comesTo(guest, id, { status: "confirmed", reason: null });
  });

  it("none: the buyer pays on the gateway's page", async () => {
    const [showtime, guest] = [office.anotherShowtime("ha_classic"), await office.guest()];
    const { id } = await purchases.book(guest, showtime, [5]);
    const begun = await purchases.pay(guest, id, { method: "mock" });
    expect(begun).toMatchObject({ status: 202, body: { next: { url: expect.stringMatching(/^http:/) } } });
    const { next } = begun.body as { next: { url: string } };
    const page = await fetch(next.url);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    expect(await page.text()).toMatch(/<form|<button/);
  });

  it("of a payment under way is not followed by a second payment", async () => {
    const [showtime, guest] = [office.anotherShowtime("ha_classic"), await office.guest()];
    const { id } = await purchases.book(guest, showtime, [5]);
    const [one, two] = await Promise.all([purchases.pay(guest, id, "tok_ok"), purchases.pay(guest, id, "tok_ok")]);
    expect([one.status, two.status].sort((a, b) => a - b)).toEqual([202, 409]);
    await purchases.comesTo(guest, id, { status: "confirmed" });
    await purchases.balances();
  });
});

describe("payment methods", () => {
  it("a terminal is for kiosks, box offices and admins", async () => {
    const showtime = office.anotherShowtime("ha_classic");
    for (const [at, role] of (["kiosk", "boxoffice", "admin"] as const).entries()) {
      const person = await purchases.person(role);
      const { id } = await purchases.book(person, showtime, [at]);
      expect((await purchases.pay(person, id, { method: "terminal" })).status).toBe(202);
      await purchases.comesTo(person, id, { status: "confirmed" });
    }
    const guest = await office.guest();
    const { id } = await purchases.book(guest, showtime, [9]);
    expect(await purchases.pay(guest, id, { method: "terminal" })).toMatchObject(problem(403, "FORBIDDEN"));
    const stripe = await purchases.pay(guest, id, { method: "stripe", token: "pm_card_visa" });
    expect(stripe).toMatchObject(problem(422, "PAYMENT_METHOD_UNAVAILABLE"));
    expect(await purchases.pay(guest, id, { method: "cash" })).toMatchObject(problem(400, "BAD_MESSAGE"));
  });

  it.each(["mock", "stripe"])("webhooks of %s that are not signed are refused", async (gateway) => {
    for (const body of ["", "{}", "nonsense", JSON.stringify({ type: "payment.authorized" })]) {
      const answer = await office.rest.post(`payments/webhooks/${gateway}`, {
        body,
        headers: { "webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA" },
      });
      expect(answer).toMatchObject(problem(400, "BAD_SIGNATURE"));
    }
  });
});

it("a cancelled showtime pays everybody back by itself", async () => {
  const [showtime, admin] = [office.anotherShowtime("ha_studio"), await purchases.admin()];
  const [paid, waiting] = [await office.guest(), await office.guest()];
  const bought = await purchases.buy(paid, showtime, [30, 31]);
  const pending = await purchases.book(waiting, showtime, [33]);
  const { body } = await office.rest.get<Record<string, unknown>>(`showtimes/${showtime}`);
  const { movieId, hallId, startsAt, version } = body;
  const prices = (body["categories"] as { id: string; prices: { adult: object } }[]).map(
    ({ id, prices: { adult } }) => ({ category: id, adult }),
  );
  const change = { movieId, hallId, startsAt, prices, version, status: "cancelled" };
  const cancelled = await office.rest.call("PUT", `showtimes/${showtime}`, { token: admin.token, body: change });
  expect([cancelled.status, cancelled.body]).toMatchObject([200, { status: "cancelled" }]);
  await purchases.comesTo(paid, bought.id, { status: "refunded", reason: expect.any(String) });
  await purchases.comesTo(waiting, pending.id, {
    status: expect.stringMatching(/failed|expired|cancelled/),
    reason: expect.any(String),
  });
  await purchases.tickets(paid, bought.id, 0);
  await purchases.balances();
});
