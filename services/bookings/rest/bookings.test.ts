import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Role } from "../../../proto/index.ts";
import type { Booking } from "../../../proto/rest/index.ts";
import { encodeCursor } from "../../../platform/http/requests/paging.ts";
import { derivedId } from "../ids.ts";
import { call, type Caller, hasStatus, PRICE, type Shop, until, World } from "../testing/world.ts";

let world: World;
let shop: Shop;
let showtime: string;
let seat = 0;

beforeAll(async () => {
  world = await World.open({ limits: { maxSeatsPerHolder: 96 } });
  shop = await world.shop();
});
beforeEach(async () => {
  showtime = await world.openShowtime();
  seat = 0;
});
afterAll(() => world.close());

const hold = (user = "ada") => world.hold(showtime, user, [seat++]);

async function book(caller: Caller = {}): Promise<Booking> {
  const response = await call(shop, "POST", "/bookings", { body: { holdId: await hold(caller.user) }, ...caller });
  if (response.statusCode !== 201) throw new Error(response.body);
  return response.json<Booking>();
}

it("a payment that another worker has begun in vain is refused with its reason", async () => {
  const { id } = await book();
  const leased = "update bookings.booking set lease_until = $2 where id = $1";
  await world.pool.query(leased, [id, new Date(Date.now() + 60_000)]);
  const paying = call(shop, "POST", `/bookings/${id}/payments`, { body: { method: "stripe" } });
  await until(shop, id, hasStatus("paying"));
  await world.pool.query(leased, [id, null]); // Now a worker takes it, and not the request.
  expect((await paying).json()).toMatchObject({
    ...problem(422, "PAYMENT_METHOD_UNAVAILABLE"),
    detail: "Payment by stripe is not set up here.",
  });
});

const BUYERS = ["customer", "guest", "kiosk", "boxoffice", "admin"] as const satisfies readonly Role[];
const problem = (status: number, code: string) => ({ status, code, requestId: expect.any(String) });

describe("who may", () => {
  it.each(BUYERS)("buy: %s", async (role) => {
    const user = `buyer-${role}`;
    const { id } = await book({ user, role });
    const desk = role === "kiosk" || role === "boxoffice" || role === "admin";
    const body = { method: "terminal" };
    const terminal = await call(shop, "POST", `/bookings/${id}/payments`, { user, role, body });
    if (!desk) {
      expect(terminal.json()).toMatchObject(problem(403, "FORBIDDEN"));
      await call(shop, "POST", `/bookings/${id}/payments`, { user, role, body: { method: "mock", token: "ok" } });
    } else expect([terminal.statusCode, terminal.json()]).toMatchObject([202, { status: "authorized" }]);
    await until(shop, id, hasStatus("confirmed"), { user, role });
    const cancelled = await call(shop, "POST", `/bookings/${id}/cancel`, { user, role });
    expect(cancelled.json()).toMatchObject({ status: "cancelled" });
  });

  const CALLS = [
    ["POST", "/bookings", { holdId: "st_1.1" }],
    ["GET", "/bookings", undefined],
    ["GET", "/bookings/ID", undefined],
    ["POST", "/bookings/ID/payments", { method: "mock", token: "ok" }],
    ["POST", "/bookings/ID/cancel", {}],
  ] as const;

  it.each(CALLS)("not %s %s: the gate, and strangers", async (method, path, body) => {
    const { id } = await book();
    const url = path.replace("ID", id);
    expect((await call(shop, method, url, { role: "gate", body })).json()).toMatchObject(problem(403, "FORBIDDEN"));
    const stranger = await shop.app.inject({ method, url: `/api/v1${url}`, ...(body && { payload: body }) });
    expect(stranger.json()).toMatchObject(problem(401, "UNAUTHORIZED"));
  });

  it.each(CALLS.slice(2))("%s %s of others: nobody but an admin, who may", async (method, path, body) => {
    const { id } = await book();
    const url = path.replace("ID", id);
    for (const role of ["customer", "guest", "kiosk", "boxoffice"] as const) {
      const answer = await call(shop, method, url, { user: "eve", role, body });
      expect(answer.json()).toMatchObject(problem(404, "BOOKING_NOT_FOUND"));
    }
    expect((await call(shop, method, url, { user: "root", role: "admin", body })).statusCode).toBeLessThan(300);
  });

  it("book a hold of somebody else: nobody", async () => {
    const holdId = await hold("ada");
    for (const role of BUYERS) {
      const answer = await call(shop, "POST", "/bookings", { user: "eve", role, body: { holdId } });
      expect(answer.json()).toMatchObject(problem(404, "HOLD_NOT_FOUND"));
    }
  });
});

describe("the list", () => {
  const list = (query: string, caller: Caller = {}) => call(shop, "GET", `/bookings${query}`, caller);
  const idsOf = (items: readonly Booking[]) => items.map(({ id }) => id);

  it("is one's own, newest first, page by page", async () => {
    const mine: string[] = [];
    for (let at = 0; at < 5; at++) mine.unshift((await book({ user: "lea" })).id);
    await book({ user: "eve" });
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: { items: Booking[]; nextCursor: string | null } = (
        await list(`?limit=2${cursor && `&cursor=${cursor}`}`, { user: "lea" })
      ).json();
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...idsOf(page.items));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(mine);
  });

  it("is narrowed by showtime, and for an admin by user", async () => {
    const { id } = await book({ user: "ned" });
    await book({ user: "eve" });
    const admin = { user: "root", role: "admin" } as const;
    expect(idsOf((await list(`?showtimeId=${showtime}`, { user: "ned" })).json().items)).toEqual([id]);
    expect(idsOf((await list("?showtimeId=st_other", { user: "ned" })).json().items)).toEqual([]);
    expect(idsOf((await list(`?showtimeId=${showtime}&userId=ned`, admin)).json().items)).toEqual([id]);
    expect((await list(`?showtimeId=${showtime}`, admin)).json().items).toHaveLength(2);
    expect((await list("?userId=eve", { user: "ned" })).json()).toMatchObject(problem(403, "FORBIDDEN"));
    expect((await list("?userId=ned", { user: "ned" })).statusCode).toBe(200);
  });

  it.each([
    "?limit=0",
    "?limit=101",
    "?limit=x",
    "?cursor=x",
    "?cursor=e30",
    "?userId=%27%20or%201",
    "?cursor=WyJhIl0",
    `?cursor=${encodeCursor([1, "\0"])}`,
    `?cursor=${encodeCursor([1e17, "bk_1"])}`,
  ])("refuses %s", async (query) => {
    expect((await list(query)).json()).toMatchObject(problem(400, "BAD_MESSAGE"));
  });
});

describe("with an Idempotency-Key", () => {
  it("fifty requests at once make one booking", async () => {
    const body = { holdId: await hold() };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => call(shop, "POST", "/bookings", { body, key: "fifty" })),
    );
    const made = answers.filter(({ statusCode }) => statusCode === 201);
    expect(made.length).toBeGreaterThan(0);
    expect(new Set(made.map((answer) => answer.body)).size).toBe(1);
    for (const { statusCode, body: text } of answers) if (statusCode !== 201) expect(text).toContain("IN_PROGRESS");
    const again = await call(shop, "POST", "/bookings", { body, key: "fifty" });
    expect([again.statusCode, again.body]).toEqual([201, made[0]?.body]);
    const other = await call(shop, "POST", "/bookings", { body: { holdId: await hold() }, key: "fifty" });
    expect(other.json()).toMatchObject(problem(422, "IDEMPOTENCY_KEY_REUSED"));
  });

  it("a payment and a cancellation come once", async () => {
    const { id } = await book();
    const before = world.payments.starts.length;
    for (let times = 0; times < 10; times++) {
      const paid = await call(shop, "POST", `/bookings/${id}/payments`, {
        body: { method: "mock", token: "ok" },
        key: "p",
      });
      expect(paid.statusCode).toBe(202);
    }
    expect(world.payments.starts).toHaveLength(before + 1);
    await until(shop, id, hasStatus("confirmed"));
    const answers = new Set<string>();
    for (let times = 0; times < 10; times++) {
      answers.add((await call(shop, "POST", `/bookings/${id}/cancel`, { key: "c" })).body);
    }
    expect(answers.size).toBe(1);
    expect(world.payments.kept(id)).toBe(0);
    const changed = await call(shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [0] }, key: "c" });
    expect(changed.json()).toMatchObject(problem(422, "IDEMPOTENCY_KEY_REUSED"));
  });

  it("a payment that an earlier version began, and knew by the key alone, is gone on with", async () => {
    const { id } = await book();
    const paymentId = derivedId("pay_", "ada", "earlier", id);
    const begun = { id: paymentId, method: "mock", state: "pending", next: null, givenUp: false };
    await world.pool.query(
      `update bookings.booking set status = 'paying', payment = $2, steps = '[{"do": "start", "token": "ok"}]', due_at = now()
       where id = $1`,
      [id, begun],
    );
    const paid = await call(shop, "POST", `/bookings/${id}/payments`, {
      body: { method: "mock", token: "ok" },
      key: "earlier",
    });
    expect([paid.statusCode, paid.json()]).toMatchObject([202, { paymentId }]);
    await until(shop, id, hasStatus("confirmed"));
    expect(world.payments.starts.filter(({ bookingId }) => bookingId === id)).toMatchObject([{ paymentId }]);
  });

  it("a cancellation of other seats is another, once the key is forgotten", async () => {
    const holdId = await world.hold(showtime, "ada", [0, 1, 2]);
    const { id } = (await call(shop, "POST", "/bookings", { body: { holdId } })).json<Booking>();
    await call(shop, "POST", `/bookings/${id}/payments`, { body: { method: "mock", token: "ok" } });
    await until(shop, id, hasStatus("confirmed"));
    for (const [seat, left] of [
      [1, [0, 2]],
      [2, [0]],
    ] as const) {
      const cancelled = await call(shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [seat] }, key: "s" });
      expect(cancelled.statusCode).toBe(200);
      expect(cancelled.json<Booking>().seats).toEqual(left);
      await world.pool.query("delete from http.idempotency_key where key = 's'");
    }
    await until(shop, id, ({ refunded }) => refunded.amount === 2 * PRICE.adult);
    const again = await call(shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [2] }, key: "s" });
    expect(again.json<Booking>().seats).toHaveLength(1);
  });
});

describe("a booking", () => {
  it("takes a hold once", async () => {
    const holdId = await hold();
    const [first] = [await call(shop, "POST", "/bookings", { body: { holdId } })];
    const second = await call(shop, "POST", "/bookings", { body: { holdId } });
    expect(second.json()).toMatchObject({ ...problem(409, "HOLD_PINNED"), bookingId: first?.json().id });
  });

  it("of a hold that two want at once goes to one", async () => {
    const holdId = await hold();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => call(shop, "POST", "/bookings", { body: { holdId } })),
    );
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    for (const { statusCode, body } of answers) if (statusCode !== 201) expect(body).toContain("HOLD_PINNED");
    const listed = await call(shop, "GET", `/bookings?showtimeId=${showtime}`);
    expect(listed.json().items).toHaveLength(1);
  });

  it("has the price of each ticket's type", async () => {
    const holdId = await world.hold(showtime, "ada", [4, 5, 6]);
    const tickets = [
      { seat: 4, type: "child" },
      { seat: 6, type: "senior" },
    ];
    const { total } = (await call(shop, "POST", "/bookings", { body: { holdId, tickets } })).json();
    expect(total).toEqual({ amount: PRICE.child + PRICE.adult + PRICE.senior, currency: "EUR" });
  });

  it("is not begun while the catalogue is away", async () => {
    const body = { holdId: await hold() };
    world.closeCatalog();
    const answer = await call(shop, "POST", "/bookings", { body, key: "away" });
    world.openCatalog();
    expect(answer.json()).toMatchObject({ ...problem(503, "UNAVAILABLE"), retryInMs: expect.any(Number) });
    expect((await call(shop, "POST", "/bookings", { body, key: "away" })).statusCode).toBe(201);
  });
});

describe("bad input", () => {
  const HOSTILE = [
    null,
    [],
    7,
    {},
    { holdId: 7 },
    { holdId: "" },
    { holdId: "x".repeat(81) },
    { holdId: null },
    { holdId: "st_1.1", price: 0 },
    { holdId: "st_1.1", tickets: {} },
    { holdId: "st_1.1", tickets: [{ seat: -1, type: "adult" }] },
    { holdId: "st_1.1", tickets: [{ seat: 1.5, type: "adult" }] },
    { holdId: "st_1.1", tickets: [{ seat: 1, type: "dog" }] },
    { holdId: "st_1.1", tickets: [{ seat: 1, type: "adult", price: 1 }] },
    { holdId: "st_1.1", acceptOtherSeats: "yes" },
  ];
  it.each(HOSTILE.map((body) => [body]))("POST /bookings refuses %j", async (body) => {
    expect((await call(shop, "POST", "/bookings", { body })).json()).toMatchObject(problem(400, "BAD_MESSAGE"));
  });

  it.each(["'; drop table bookings.booking; --", "<script>", "st_1", "st_1.01", "‮🎬.1", "../etc"])(
    "there is no hold %s",
    async (holdId) => {
      const answer = await call(shop, "POST", "/bookings", { body: { holdId } });
      expect(answer.json()).toMatchObject(problem(404, "HOLD_NOT_FOUND"));
    },
  );

  it("tickets must be of the hold, each once", async () => {
    const holdId = await hold();
    for (const tickets of [[{ seat: 90, type: "adult" }], [0, 0].map((seat) => ({ seat, type: "adult" }))]) {
      const answer = await call(shop, "POST", "/bookings", { body: { holdId, tickets } });
      expect(answer.json()).toMatchObject({ ...problem(400, "BAD_MESSAGE"), field: "body.tickets" });
    }
  });

  it.each([
    [undefined],
    [null],
    [{}],
    [{ method: "cash" }],
    [{ method: "mock", token: "" }],
    [{ method: "mock", token: "x".repeat(256) }],
    [{ method: "mock", token: "a b" }],
    [{ method: "mock", token: 7 }],
    [{ method: "mock", amount: 1 }],
  ])("POST payments refuses %j", async (body) => {
    const { id } = await book();
    const answer = await call(shop, "POST", `/bookings/${id}/payments`, { body });
    expect(answer.json()).toMatchObject(problem(400, "BAD_MESSAGE"));
  });

  it.each([[[]], [7], [{ seats: [] }], [{ seats: [0, 0] }], [{ seats: ["0"] }], [{ seats: [-1] }], [{ all: true }]])(
    "POST cancel refuses %j",
    async (body) => {
      const { id } = await book();
      const answer = await call(shop, "POST", `/bookings/${id}/cancel`, { body });
      expect(answer.json()).toMatchObject(problem(400, "BAD_MESSAGE"));
    },
  );

  it.each(["bk_none", "%27%20or%201=1--", "%F0%9F%8E%AC", "x".repeat(128)])("there is no booking %s", async (id) => {
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["POST", "/payments", { method: "mock" }],
      ["POST", "/cancel", {}],
    ] as const) {
      const answer = await call(shop, method, `/bookings/${id}${path}`, { body });
      expect(answer.json()).toMatchObject(problem(404, "BOOKING_NOT_FOUND"));
    }
  });
});

it("every call is described: operation, summary, example, answers", async () => {
  const { paths } = (await shop.app.inject({ url: "/openapi.json" })).json();
  const operations = Object.entries<Record<string, { operationId: string; summary: string; responses: object }>>(paths)
    .filter(([path]) => path.startsWith("/api/v1/bookings") || path === "/graphql")
    .flatMap(([, methods]) => Object.values(methods));
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual([
    "cancelBooking",
    "createBooking",
    "getBooking",
    "graphql",
    "listBookings",
    "payBooking",
  ]);
  for (const { summary, responses } of operations) {
    expect(summary).toBeTruthy();
    expect(Object.keys(responses)).toContain("401");
  }
});
