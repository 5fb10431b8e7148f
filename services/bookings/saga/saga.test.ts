import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  bookingId,
  type DomainEvent,
  holderId,
  type HoldId,
  type RequestId,
  showtimeId,
} from "../../../proto/index.ts";
import type { Booking } from "../../../proto/rest/index.ts";
import { BOOKING } from "../../../proto/services/index.ts";
import { derivedId } from "../ids.ts";
import { call, hasStatus, PRICE, read, type Shop, until, World } from "../testing/world.ts";

/** Where nobody is to be late. */
const PAY_MS = 60_000;
/** Where somebody is: the time for a hold, and again to pay. */
const PAY_SOON_MS = 2_000;

let world: World;
let shop: Shop;
let showtime: string;

async function enterWorld(ttlMs: number): Promise<void> {
  world = await World.open({
    limits: { paymentTtlMs: ttlMs, holdTtlMs: ttlMs, maxSeatsPerHolder: 96 },
    latePaymentGraceMs: 4_000,
  });
  shop = await world.shop();
}

beforeAll(() => enterWorld(PAY_MS));
beforeEach(async () => {
  showtime = await world.openShowtime();
});
afterEach(() => {
  world.payments.lie = (_endpoint, honest) => honest;
});
afterAll(() => world.close());

async function book(seats: readonly number[], more: object = {}): Promise<Booking> {
  const holdId = await world.hold(showtime, "ada", seats);
  const created = await call(shop, "POST", "/bookings", { body: { holdId, ...more } });
  if (created.statusCode !== 201) throw new Error(created.body);
  return created.json<Booking>();
}
const pay = (id: string, token?: string, on = shop) =>
  call(on, "POST", `/bookings/${id}/payments`, { body: { method: "mock", ...(token !== undefined && { token }) } });
const cancel = (id: string, seats?: number[], on = shop) =>
  call(on, "POST", `/bookings/${id}/cancel`, { body: seats && { seats } });
const over = (booking: Booking) => booking.status !== "pending" && booking.status !== "paying";

describe("a purchase", () => {
  it("goes from hold to confirmed in one breath, and everybody is told", async () => {
    const { id } = await book([0, 1], { tickets: [{ seat: 1, type: "child" }] });
    const paid = await pay(id, "ok");
    expect([paid.statusCode, paid.json()]).toMatchObject([202, { paymentId: expect.stringMatching(/^pay_/) }]);
    expect(await until(shop, id, hasStatus("confirmed"))).toMatchObject({
      payment: { status: "captured" },
      reason: null,
    });
    expect(await world.booked(showtime)).toEqual([0, 1]);
    expect(world.payments.kept(id)).toBe(PRICE.adult + PRICE.child);
    await expect.poll(() => world.eventsOf(id)).toEqual(["booking.created", "booking.confirmed"]);
    expect(world.payments.starts.at(-1)).toMatchObject({ userId: "ada", description: "Metropolis, 2 seats" });
    const record = await world.bus.request(BOOKING, { bookingId: id }, { timeoutMs: 2_000 });
    expect(record).toMatchObject({ bookingId: id, status: "confirmed", seats: [{ seat: 0 }, { ticketType: "child" }] });
    expect(await world.bus.request(BOOKING, { bookingId: "bk_none" }, { timeoutMs: 2_000 })).toBeNull();
  });

  it("that is declined ten times may not be paid any more", async () => {
    const { id } = await book([1]);
    for (let tries = 0; tries < 10; tries++) {
      expect((await pay(id, "declined")).statusCode).toBe(202);
      await until(shop, id, hasStatus("failed"));
    }
    expect((await pay(id, "ok")).json()).toMatchObject({ status: 409, code: "LIMIT_REACHED" });
  });

  it("that is declined may be paid another way", async () => {
    const { id } = await book([0]);
    await pay(id, "declined");
    const declined = await until(shop, id, ({ payment }) => payment?.status === "failed");
    expect(declined).toMatchObject({ status: "failed", reason: "The card was declined." });
    await pay(id, "ok");
    expect(await until(shop, id, hasStatus("confirmed"))).toMatchObject({ reason: null });
  });

  it("is found paid by polling when nobody says so", async () => {
    const { id } = await book([0]);
    await pay(id, "no-word");
    await until(shop, id, hasStatus("confirmed"));
    expect(world.payments.kept(id)).toBe(PRICE.adult);
  });

  it("shows where to pay when there is no token, as long as that helps", async () => {
    const { id } = await book([0]);
    const { next } = (await pay(id)).json();
    expect(next).toEqual({ url: expect.stringContaining("http://gateway.example/pay_") });
    expect(await read(shop, id)).toMatchObject({ status: "paying", payment: { status: "pending", next } });
    world.payments.decide(id, "authorized");
    const confirmed = await until(shop, id, hasStatus("confirmed"));
    expect(confirmed.payment).not.toHaveProperty("next");
  });

  it("shows where to pay also when the gateway says so only when it is asked again", async () => {
    const { id } = await book([0]);
    let answers = 0;
    world.payments.lie = (_endpoint, honest) =>
      honest.ok && ++answers === 1 ? { ok: true, value: { ...honest.value, next: null } } : honest;
    expect((await pay(id)).json()).toMatchObject({
      status: "pending",
      next: { url: expect.stringContaining("http://gateway.example/pay_") },
    });
    expect(answers).toBe(2);
  });
});

describe("time", () => {
  beforeAll(async () => {
    await world.close();
    await enterWorld(PAY_SOON_MS);
  });
  afterAll(async () => {
    await world.close();
    await enterWorld(PAY_MS);
  });

  it("ends a booking that nobody pays, and its seats are free", async () => {
    const { id } = await book([0]);
    expect(await until(shop, id, over)).toMatchObject({ status: "expired", reason: "It was not paid in time." });
    await expect.poll(() => world.free(showtime)).toBe(96);
    await expect.poll(() => world.eventsOf(id)).toEqual(["booking.created", "booking.expired"]);
    expect((await pay(id, "ok")).json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
  });

  it("of a pin that another process repeats is what the engine says is left of it: here none", async () => {
    const dying = await world.shop();
    const holdId = await world.hold(showtime, "ada", [0]);
    const request = { body: { holdId }, key: `book-${holdId}` };
    const ask = world.engineClient.ask.bind(world.engineClient);
    const asked = vi.spyOn(world.engineClient, "ask").mockImplementation(async (question) => {
      const reply = await ask(question);
      if (question.type === "pin") dying.mortal.kill();
      return reply;
    });
    void call(dying, "POST", "/bookings", request);
    await dying.mortal.death;
    asked.mockRestore();
    await dying.stop();
    await expect.poll(() => world.free(showtime), { timeout: 10_000 }).toBe(96);
    const heir = await world.shop({ aheadMs: 70_000 }); // Its clock says that all leases are over.
    expect((await call(heir, "POST", "/bookings", request)).json()).toMatchObject({
      status: 410,
      code: "HOLD_EXPIRED",
    });
    await heir.stop();
  });

  it("in which payments are away: the sale is finished when they are back", async () => {
    const { id } = await book([0]);
    await pay(id, "later");
    world.payments.close();
    await until(shop, id, hasStatus("expired"));
    world.payments.open();
    world.payments.decide(id, "authorized");
    await until(shop, id, hasStatus("confirmed"));
  });

  it("late money gets the same seats when they are free", async () => {
    const { id } = await book([0, 1]);
    await pay(id, "later");
    await until(shop, id, hasStatus("expired"));
    await expect.poll(() => world.free(showtime)).toBe(96);
    world.payments.decide(id, "authorized");
    expect(await until(shop, id, hasStatus("confirmed"))).toMatchObject({ seats: [0, 1], reason: null });
    expect(await world.booked(showtime)).toEqual([0, 1]);
    await expect.poll(() => world.eventsOf(id)).toEqual(["booking.created", "booking.expired", "booking.confirmed"]);
  });

  /** One of them is held by Eve when the money comes. */
  async function lostSeats(more: object = {}): Promise<{ id: string; eve: HoldId }> {
    const { id } = await book([0, 1], more);
    await pay(id, "later");
    await until(shop, id, hasStatus("expired"));
    const { hold } = await vi.waitUntil(
      async () => {
        const reply = await world.ask(showtime, "eve", [1]);
        return reply.type === "held" && reply;
      },
      { timeout: 10_000 },
    );
    world.payments.decide(id, "authorized");
    return { id, eve: hold };
  }

  it("late money goes back when the seats are gone", async () => {
    const { id } = await lostSeats();
    expect(await until(shop, id, hasStatus("refunded"))).toMatchObject({
      reason: expect.stringContaining("seats were gone"),
      payment: { status: "voided" },
    });
    expect([await world.booked(showtime), world.payments.kept(id), world.payments.reserved(id)]).toEqual([
      [],
      0,
      false,
    ]);
    await expect.poll(() => world.eventsOf(id).at(-1)).toBe("booking.refunded");
  });

  it("late money buys neighbouring seats instead, for a buyer who said so", async () => {
    const { id } = await lostSeats({ acceptOtherSeats: true, tickets: [{ seat: 1, type: "student" }] });
    const { seats, tickets, total } = await until(shop, id, hasStatus("confirmed"));
    expect(seats).toHaveLength(2);
    expect(seats).not.toContain(1);
    expect(await world.booked(showtime)).toEqual(seats);
    expect(tickets.map(({ type }) => type)).toEqual(["adult", "student"]);
    expect(world.payments.kept(id)).toBe(total.amount);
  });

  it("late money goes back when the engine has booked the first seats after all, and others were taken meanwhile", async () => {
    const ask = world.engineClient.ask.bind(world.engineClient);
    const lateConfirm = vi.spyOn(world.engineClient, "ask").mockImplementation(async (request) => {
      if (request.type !== "hold-best") return ask(request);
      // Of a process that slept since before the seats were refused, when they are free again.
      const { holdId: hold } = await read(shop, id);
      const { showtime: where, holder } = request;
      const rid = "of-the-sleeper" as RequestId;
      const freed = { type: "release", showtime: where, holder: holderId("eve"), rid, hold: eve } as const;
      expect(await ask(freed)).toMatchObject({ type: "released" });
      const asked = { showtime: where, holder, rid, hold: hold as HoldId, booking: bookingId(id) };
      const confirmed = await ask({ type: "confirm", ...asked, reacquire: true, seats: [0, 1] });
      expect(confirmed).toMatchObject({ type: "confirmed", seats: [0, 1] });
      return ask(request);
    });
    const { id, eve } = await lostSeats({ acceptOtherSeats: true });
    const ended = await until(shop, id, hasStatus("refunded", "confirmed"));
    lateConfirm.mockRestore();
    expect(ended).toMatchObject({ status: "refunded", reason: expect.stringContaining("seats were gone") });
    await expect.poll(() => stepsOf(id)).toEqual([]);
    expect([await world.booked(showtime), world.payments.kept(id)]).toEqual([[], 0]);
  });

  it("late money buys no dearer seats, though the engine gives them, and they are given back", async () => {
    for (let seat = 2; seat < 96; seat++) world.dearSeats.add(seat);
    const asked = vi.spyOn(world.engineClient, "ask");
    const { id } = await lostSeats({ acceptOtherSeats: true });
    const ended = await until(shop, id, hasStatus("refunded", "confirmed"));
    world.dearSeats.clear();
    const commands = asked.mock.calls.map(([{ type }]) => type);
    asked.mockRestore();
    const reason = expect.stringContaining("seats were gone");
    expect(ended).toMatchObject({ status: "refunded", seats: [0, 1], reason });
    expect(commands.slice(commands.indexOf("hold-best"))).toContain("release");
    expect([await world.booked(showtime), world.payments.kept(id)]).toEqual([[], 0]);
  });

  it.each([
    ["at once", "later"],
    ["when the gateway comes to it", "void-later"],
  ])("a payment that is open after the grace is called off %s, and no refund is told", async (_when, token) => {
    const { id } = await book([0]);
    await pay(id, token);
    await until(shop, id, hasStatus("expired"));
    shop.clock.shift(10_000);
    await expect.poll(() => world.payments.givenUp(id), { timeout: 10_000 }).toBe(true);
    world.payments.decide(id, "authorized");
    const reason = "It was not paid in time.";
    const calledOff = await until(shop, id, ({ payment }) => payment?.status === "voided");
    expect(calledOff).toMatchObject({ status: "expired", reason, refunded: { amount: 0 }, refunding: { amount: 0 } });
    expect(world.payments.reserved(id)).toBe(false);
    await expect.poll(() => stepsOf(id)).toEqual([]);
    await expect.poll(() => world.eventsOf(id)).toEqual(["booking.created", "booking.expired"]);
    shop.clock.shift(-10_000);
  });
});

const stepsOf = async (id: string): Promise<string[]> => {
  const { rows } = await world.pool.query<{ steps: { do: string }[] }>(
    "select steps from bookings.booking where id = $1",
    [id],
  );
  return rows[0]?.steps.map((step) => step.do) ?? [];
};

describe("cancelling", () => {
  it("gives back seats one by one and money to the cent", async () => {
    const { id } = await book([0, 1, 2], { tickets: [{ seat: 1, type: "child" }] });
    await pay(id, "ok");
    await until(shop, id, hasStatus("confirmed"));
    const part = await cancel(id, [1]);
    expect([part.statusCode, part.json()]).toMatchObject([
      200,
      { status: "confirmed", seats: [0, 2], total: { amount: 2 * PRICE.adult } },
    ]);
    expect(await world.booked(showtime)).toEqual([0, 2]);
    expect(world.payments.kept(id)).toBe(2 * PRICE.adult);
    expect((await cancel(id, [1])).json()).toMatchObject({ status: 404, code: "NOT_FOUND", seats: [1] });
    expect((await cancel(id)).json()).toMatchObject({ status: "cancelled", seats: [0, 2] });
    expect([await world.booked(showtime), world.payments.kept(id)]).toEqual([[], 0]);
    expect((await cancel(id)).json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
    await expect
      .poll(() => world.eventsOf(id).slice(2))
      .toEqual(["booking.cancelled", "booking.refunded", "booking.cancelled", "booking.refunded"]);
    const [first, refund] = world.events.filter(
      ({ subject, type }) => subject === id && /cancelled|refunded/.test(type),
    );
    expect([first?.data, refund?.data]).toMatchObject([{ cancelledSeats: [1] }, { refunded: { amount: PRICE.child } }]);
  });

  it("says what has gone back, and what is on its way", async () => {
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    expect(await until(shop, id, hasStatus("confirmed"))).toMatchObject({ refunded: { amount: 0, currency: "EUR" } });
    world.payments.lie = (endpoint, honest) =>
      endpoint === "payments.refund" ? { ok: false, code: "UNAVAILABLE", message: "Not now." } : honest;
    const underWay = cancel(id, [1]);
    await until(shop, id, ({ refunding }) => refunding.amount === PRICE.adult);
    expect(await read(shop, id)).toMatchObject({ refunded: { amount: 0 }, payment: { status: "captured" } });
    world.payments.lie = (_endpoint, honest) => honest;
    await underWay;
    const part = await until(shop, id, ({ refunded }) => refunded.amount === PRICE.adult);
    expect(part).toMatchObject({ status: "confirmed", refunding: { amount: 0 }, payment: { status: "captured" } });
    await cancel(id);
    const whole = await until(shop, id, ({ refunded }) => refunded.amount === 2 * PRICE.adult);
    expect(whole).toMatchObject({ status: "cancelled", refunding: { amount: 0 }, payment: { status: "refunded" } });
  });

  describe("a seat whose ticket was let in", () => {
    let id: string;
    beforeEach(async () => {
      ({ id } = await book([0, 1]));
      await pay(id, "ok");
      await until(shop, id, hasStatus("confirmed"));
      world.usedSeats.add(1);
    });
    afterEach(() => world.usedSeats.clear());

    it("is refused, alone and with others; others may go", async () => {
      for (const seats of [[1], undefined]) {
        expect((await cancel(id, seats)).json()).toMatchObject({ status: 409, code: "ALREADY_USED", seats: [1] });
      }
      expect([await world.booked(showtime), world.payments.kept(id)]).toEqual([[0, 1], 2 * PRICE.adult]);
      expect((await cancel(id, [0])).json()).toMatchObject({ status: "confirmed", seats: [1] });
      expect(await world.booked(showtime)).toEqual([1]);
    });

    it("is given back by an admin", async () => {
      const cancelled = await call(shop, "POST", `/bookings/${id}/cancel`, { user: "root", role: "admin" });
      expect(cancelled.json()).toMatchObject({ status: "cancelled" });
      expect(world.payments.kept(id)).toBe(0);
    });
  });

  it("withdraws no ticket when it is refused anyway, or was done before", async () => {
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    await until(shop, id, hasStatus("confirmed"));
    const asked = () => world.withdrawals.filter(({ bookingId }) => bookingId === id);
    await cancel(id, [5]);
    Object.assign(world.showtime, { cancelUntil: new Date(0).toISOString() });
    expect((await cancel(id)).json()).toMatchObject({ code: "CANCELLATION_CLOSED" });
    Reflect.deleteProperty(world.showtime, "cancelUntil");
    expect(asked()).toEqual([]);
    const once = () => call(shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [1] }, key: "once" });
    await once();
    await world.pool.query("delete from http.idempotency_key where key = 'once'");
    await once();
    expect(asked()).toEqual([{ bookingId: id, seats: [1] }]);
    expect(await read(shop, id)).toMatchObject({ status: "confirmed", seats: [0] });
  });

  it("waits for the tickets service: while it is away nothing is given back", async () => {
    const { id } = await book([0]);
    await pay(id, "ok");
    await until(shop, id, hasStatus("confirmed"));
    world.closeTickets();
    expect((await cancel(id)).json()).toMatchObject({ status: 503, code: "UNAVAILABLE" });
    expect(await world.booked(showtime)).toEqual([0]);
    world.openTickets();
    expect((await cancel(id)).json()).toMatchObject({ status: "cancelled" });
  });

  it("before it is paid frees the seats at once", async () => {
    const { id } = await book([0, 1]);
    expect((await cancel(id, [0])).json()).toMatchObject({ code: "BOOKING_STATE" });
    expect((await cancel(id)).json()).toMatchObject({ status: "cancelled" });
    expect(await world.free(showtime)).toBe(96);
  });

  it("while a payment is open gives up the payment", async () => {
    const { id } = await book([0]);
    await pay(id, "later");
    void cancel(id);
    await until(shop, id, hasStatus("cancelled"));
    // Another process may be the one that begins it and gives it up, a moment later.
    await expect.poll(() => world.payments.givenUp(id), { timeout: 10_000 }).toBe(true);
    world.payments.decide(id, "authorized");
    await until(shop, id, ({ payment }) => payment?.status === "voided");
    expect([await world.free(showtime), world.payments.kept(id)]).toEqual([96, 0]);
  });

  it("races with the payment, and either way seats and money agree", async () => {
    const racers = await Promise.all(Array.from({ length: 12 }, (_, at) => book([at])));
    await Promise.all(
      racers.map(async ({ id }, at) => {
        const paying = pay(id, "ok");
        if (at % 3 > 0) await paying;
        if (at % 3 > 1) await read(shop, id);
        await Promise.all([paying, cancel(id)]);
      }),
    );
    await Promise.all(racers.map(({ id }) => expect.poll(() => stepsOf(id), { timeout: 10_000 }).toEqual([])));
    const after = await Promise.all(racers.map(({ id }) => until(shop, id, over)));
    const sold = after.filter(({ status }) => status === "confirmed");
    expect(await world.booked(showtime)).toEqual(sold.flatMap(({ seats }) => seats).sort((a, b) => a - b));
    for (const { id, status, total } of after)
      expect(world.payments.kept(id)).toBe(status === "confirmed" ? total.amount : 0);
  });

  it("ends when the showtime says so, except for an admin", async () => {
    const { id } = await book([0]);
    await pay(id, "ok");
    await until(shop, id, hasStatus("confirmed"));
    Object.assign(world.showtime, { cancelUntil: new Date(Date.now() - 1_000).toISOString() });
    expect((await cancel(id)).json()).toMatchObject({ status: 409, code: "CANCELLATION_CLOSED" });
    const admin = await call(shop, "POST", `/bookings/${id}/cancel`, { user: "root", role: "admin" });
    expect(admin.json()).toMatchObject({ status: "cancelled", userId: "ada" });
    Object.assign(world.showtime, { cancelUntil: new Date(Date.now() + 3_600_000).toISOString() });
  });
});

it("a cancelled showtime gives everybody the money back by itself", async () => {
  const [paid, open, begun] = await Promise.all([book([0, 1]), book([2]), book([3])]);
  await pay(paid.id, "ok");
  await until(shop, paid.id, hasStatus("confirmed"));
  await pay(begun.id, "later");
  const event: DomainEvent = {
    ...({ specversion: "1.0", source: "/usher/catalog", datacontenttype: "application/json" } as const),
    ...({ id: "evt_1", type: "showtime.cancelled", subject: showtime, time: new Date().toISOString() } as const),
    data: { showtimeId: showtime, movieId: "mv_1" },
  };
  await Promise.all([world.stream.publish(event), world.stream.publish(event)]);
  const reason = "The showtime was cancelled.";
  expect(await until(shop, paid.id, hasStatus("refunded"))).toMatchObject({ reason });
  expect(await until(shop, open.id, over)).toMatchObject({ status: "failed", reason });
  const calledOff = await until(shop, begun.id, ({ payment }) => payment?.status === "voided");
  expect(calledOff).toMatchObject({ status: "failed", reason, refunded: { amount: 0 } });
  await expect.poll(() => world.free(showtime)).toBe(96);
  expect(world.payments.kept(paid.id)).toBe(0);
  await expect
    .poll(() => world.eventsOf(paid.id))
    .toEqual(["booking.created", "booking.confirmed", "booking.cancelled", "booking.refunded"]);

  const holdId = await world.hold(showtime, "ada", [9]);
  const late = await call(shop, "POST", "/bookings", { body: { holdId } });
  expect(late.json()).toMatchObject({ status: 409, code: "SALE_CLOSED" });
});

describe("a buyer who asks the engine ahead of the saga, under request ids that can be worked out", () => {
  /** As a WebSocket client does, which chooses its request ids. */
  const ask = (rid: string, seats: readonly number[]) =>
    world.engineClient.ask({
      type: "hold",
      showtime: showtimeId(showtime),
      holder: holderId("ada"),
      rid: rid as RequestId,
      seats,
    });

  it("gets the seats that are booked, and not others at their price", async () => {
    await world.hold(showtime, "eve", [50]);
    const { id, holdId } = await book([0, 1], { acceptOtherSeats: true });
    const refused = await ask(`${id}.confirm.${holdId.slice(showtime.length + 1)}`, [50]);
    const other = await ask(`${id}.reseat`, [12, 13]);
    expect([refused, other]).toMatchObject([{ type: "refused", code: "SEAT_TAKEN" }, { type: "held" }]);
    await pay(id, "ok");
    expect(await until(shop, id, over)).toMatchObject({ status: "confirmed", seats: [0, 1] });
    expect(await world.booked(showtime)).toEqual([0, 1]);
  });

  it("gets the money back for seats that are given back, and for no others", async () => {
    await world.hold(showtime, "eve", [50]);
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    await until(shop, id, hasStatus("confirmed"));
    const key = `cancel-${id}`;
    await ask(`${id}.cancel.${derivedId("rf_", "ada", key, id)}`, [50]);
    const cancelled = await call(shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [1] }, key });
    expect(cancelled.json()).toMatchObject({ refunded: { amount: PRICE.adult } });
    expect(await world.booked(showtime)).toEqual([0]);
  });

  it("is told of them nowhere: they are made of a secret of each booking", async () => {
    const asked = vi.spyOn(world.engineClient, "ask");
    const [one, other] = [await book([0]), await book([1])];
    await pay(one.id, "ok");
    await until(shop, one.id, hasStatus("confirmed"));
    const seen = [(await cancel(one.id)).body, (await cancel(other.id)).body, await read(shop, one.id)];
    const rids = asked.mock.calls.flatMap(([request]) =>
      "rid" in request && request.type !== "hold" ? [request.rid] : [],
    );
    asked.mockRestore();
    expect(new Set(rids).size).toBeGreaterThanOrEqual(5); // Two pins, a confirm and two cancels.
    await expect.poll(() => world.eventsOf(one.id).length).toBe(4);
    const { rows } = await world.pool.query<{ secret: string }>("select secret from bookings.booking");
    expect(new Set(rows.map(({ secret }) => secret)).size).toBe(rows.length);
    const told = JSON.stringify([seen, world.events]);
    for (const word of [...rids, ...rows.map(({ secret }) => secret)]) expect(told).not.toContain(word);
  });
});

describe("when payments", () => {
  it("is not there, nothing is begun, and the buyer may try again", async () => {
    const { id } = await book([0]);
    world.payments.close();
    const refused = await pay(id, "ok");
    // Where the booking is still in the hands that made it, they find out, and the answer does not wait for them.
    if (refused.statusCode !== 202) {
      expect([refused.statusCode, refused.json()]).toMatchObject([
        503,
        { code: "UNAVAILABLE", retryInMs: expect.any(Number) },
      ]);
    }
    await until(shop, id, ({ status, payment }) => status === "pending" && payment === null);
    world.payments.open();
    await pay(id, "ok");
    await until(shop, id, hasStatus("confirmed"));
  });

  it("does not have the method, the booking stays as it was", async () => {
    const { id } = await book([0]);
    const payByCard = () => call(shop, "POST", `/bookings/${id}/payments`, { body: { method: "stripe", token: "pm" } });
    const isAsItWas = ({ status, payment }: Booking): boolean => status === "pending" && payment === null;
    let refused = await payByCard();
    // As above: whoever made the booking may have it still, and finds out then.
    while (refused.statusCode === 202) {
      await until(shop, id, isAsItWas);
      refused = await payByCard();
    }
    expect(refused.json()).toMatchObject({ status: 422, code: "PAYMENT_METHOD_UNAVAILABLE" });
    expect(isAsItWas(await read(shop, id))).toBe(true);
  });

  it("cannot capture, the seats are free again and the buyer reads why", async () => {
    const { id } = await book([0]);
    await pay(id, "uncapturable");
    expect(await until(shop, id, hasStatus("failed"))).toMatchObject({
      reason: expect.stringContaining("not be completed"),
    });
    await expect.poll(() => world.free(showtime)).toBe(96);
    await expect.poll(() => world.eventsOf(id).at(-1)).toBe("booking.failed");
  });

  it("says another amount than was asked for, the money goes back", async () => {
    const { id } = await book([0]);
    world.payments.lie = (_endpoint, honest) =>
      honest.ok ? { ok: true, value: { ...honest.value, amount: { amount: 1, currency: "EUR" } } } : honest;
    await pay(id, "ok");
    await until(shop, id, hasStatus("refunded"));
    expect([await world.booked(showtime), world.payments.kept(id), world.payments.reserved(id)]).toEqual([
      [],
      0,
      false,
    ]);
  });

  it.each([
    ["nonsense", { state: "blessed" }],
    ["another payment", { paymentId: "pay_other" }],
    ["captured, and nothing was", { state: "captured", captured: 0 }],
  ])("answers %s for a while, nothing is believed", async (_what, lie) => {
    const { id } = await book([0]);
    world.payments.lie = (endpoint, honest) =>
      honest.ok && endpoint !== "payments.start"
        ? { ok: true, value: { ...honest.value, ...(lie as object) } }
        : honest;
    await pay(id, "ok");
    await expect.poll(async () => (await stepsOf(id)).length).toBeGreaterThan(0);
    expect(await read(shop, id)).toMatchObject({ status: "paying" });
    world.payments.lie = (_endpoint, honest) => honest;
    await until(shop, id, hasStatus("confirmed"));
    expect(world.payments.kept(id)).toBe(PRICE.adult);
  });
});

describe("several processes", () => {
  it("sell side by side without treading on each other", async () => {
    const other = await world.shop();
    const shops = [shop, other];
    const bookings = await Promise.all(Array.from({ length: 24 }, (_, at) => book([at])));
    await Promise.all(bookings.map(({ id }, at) => pay(id, at % 4 === 0 ? "no-word" : "ok", shops[at % 2])));
    await Promise.all(bookings.map(({ id }) => until(other, id, hasStatus("confirmed"))));
    expect(await world.booked(showtime)).toEqual(Array.from({ length: 24 }, (_, at) => at));
    for (const { id } of bookings) {
      expect(world.payments.kept(id)).toBe(PRICE.adult);
      // On a slow machine the time to pay may be over meanwhile.
      const told = () => world.eventsOf(id).filter((type) => type !== "booking.expired");
      await expect.poll(told).toEqual(["booking.created", "booking.confirmed"]);
    }
    await other.stop();
  });

  it("take one payment of two that are begun at once", async () => {
    const { id } = await book([0]);
    const answers = await Promise.all([pay(id, "later"), pay(id, "later")]);
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202, 409]));
    const starts = () => world.payments.starts.filter(({ bookingId }) => bookingId === id).length;
    await expect.poll(starts).toBe(1); // Another process may be the one that begins it, a moment later.
    await cancel(id);
    expect(starts()).toBe(1);
  });
});
