import { describe, expect, it, vi } from "vitest";
import { as } from "../../../platform/http/testing.ts";
import { bookingId, holderId, type HoldId, type RequestId } from "../../../proto/index.ts";
import { over, useSale } from "../testing/sale.ts";
import { call, hasStatus, read, until } from "../testing/world.ts";

// Long enough that a machine that hesitates is in time to pay, and that late money is not too late.
const sale = useSale({ payMs: 4_000, graceMs: 60_000 });
const { book, pay, stepsOf } = sale;

/** The gateway makes up its mind when the test says so. */
async function payLater(id: string, token = "later"): Promise<void> {
  expect((await pay(id, token)).statusCode).toBe(202);
}

describe("time", () => {
  it("ends a booking that nobody pays, and its seats are free", async () => {
    const { id } = await book([0]);
    expect(await until(sale.shop, id, over)).toMatchObject({ status: "expired", reason: "It was not paid in time." });
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
    await expect.poll(() => sale.world.eventsOf(id)).toEqual(["booking.created", "booking.expired"]);
    expect((await pay(id, "ok")).json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
  });

  it("that the engine gives back after a restart is the buyer's, and then it ends as any other", async () => {
    const { id, payBy } = await book([0]);
    for (let restarts = 0; restarts < 4; restarts++) await sale.world.restartEngine();
    const longer = await until(sale.shop, id, (booking) => booking.payBy !== payBy || over(booking));
    expect(longer.status).toBe("pending");
    expect(Date.parse(longer.payBy)).toBeGreaterThan(Date.parse(payBy) + 900);
    const declined = (await pay(id, "declined")).statusCode;
    const ended = await until(sale.shop, id, hasStatus("expired"));
    expect([declined, ended.payment?.status]).toEqual([202, "failed"]);
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
  });

  it("that is over while the engine is away is not over for whoever pays: the same request is taken once it is back", async () => {
    const { id, payBy } = await book([0]);
    await sale.world.stopEngine();
    await vi.waitUntil(() => sale.shop.clock.now() > Date.parse(payBy), { timeout: 10_000 });
    const request = { body: { method: "terminal" }, role: "kiosk", key: `pay-${id}` } as const;
    const payAgain = () => call(sale.shop, "POST", `/bookings/${id}/payments`, request);
    const query = `mutation { processPayment(bookingId: "${id}", paymentMethod: "mock", paymentDetails: "ok") { success code } }`;
    const asked = { method: "POST", url: "/graphql", headers: as("ada"), payload: { query } } as const;
    const [refused, unpaid, inGraphql] = [
      await payAgain(),
      await read(sale.shop, id),
      await sale.shop.app.inject(asked),
    ];
    await sale.world.startEngine();
    expect(refused.json()).toMatchObject({ status: 503, code: "UNAVAILABLE", retryInMs: expect.any(Number) });
    expect(unpaid).toMatchObject({ status: "pending", payBy });
    expect(inGraphql.json().data.processPayment).toEqual({ success: false, code: "UNAVAILABLE" });
    const taken = await vi.waitUntil(
      async () => {
        const answer = await payAgain();
        return answer.statusCode !== 503 && answer;
      },
      { timeout: 10_000 },
    );
    expect([taken.statusCode, taken.headers["idempotency-replayed"]]).toEqual([202, undefined]);
    expect((await until(sale.shop, id, over)).status).toBe("confirmed");
  });

  it("that the engine gives back keeps no seats for a payment that has failed after the buyer's was over", async () => {
    const { id } = await book([0]);
    await payLater(id);
    for (let restarts = 0; restarts < 4; restarts++) await sale.world.restartEngine();
    await until(sale.shop, id, hasStatus("expired"));
    const asked = vi.spyOn(sale.world.engineClient, "ask");
    sale.world.payments.decide(id, "failed");
    await until(sale.shop, id, ({ payment }) => payment?.status === "failed");
    // They do not just come free when the engine's time is over, too.
    await vi.waitFor(
      () => expect(asked).toHaveBeenCalledWith(expect.objectContaining({ type: "cancel", booking: id })),
      { timeout: 10_000 },
    );
    asked.mockRestore();
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
  });

  it("of a pin that another process repeats is what the engine says is left of it: here none", async () => {
    const dying = await sale.world.shop();
    const holdId = await sale.world.hold(sale.showtime, "ada", [0]);
    const request = { body: { holdId }, key: `book-${holdId}` };
    const ask = sale.world.engineClient.ask.bind(sale.world.engineClient);
    const asked = vi.spyOn(sale.world.engineClient, "ask").mockImplementation(async (question) => {
      const reply = await ask(question);
      if (question.type === "pin") dying.mortal.kill();
      return reply;
    });
    void call(dying, "POST", "/bookings", request);
    await dying.mortal.death;
    asked.mockRestore();
    await dying.stop();
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
    const heir = await sale.world.shop({ aheadMs: 70_000 }); // Its clock says that all leases are over.
    expect((await call(heir, "POST", "/bookings", request)).json()).toMatchObject({
      status: 410,
      code: "HOLD_EXPIRED",
    });
    await heir.stop();
  });

  it("in which payments are away: the sale is finished when they are back", async () => {
    const { id } = await book([0]);
    await payLater(id);
    sale.world.payments.close();
    await until(sale.shop, id, hasStatus("expired"));
    sale.world.payments.open();
    sale.world.payments.decide(id, "authorized");
    await until(sale.shop, id, hasStatus("confirmed"));
  });

  it("late money gets the same seats when they are free", async () => {
    const { id } = await book([0, 1]);
    await payLater(id);
    await until(sale.shop, id, hasStatus("expired"));
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
    sale.world.payments.decide(id, "authorized");
    expect(await until(sale.shop, id, hasStatus("confirmed"))).toMatchObject({ seats: [0, 1], reason: null });
    expect(await sale.world.booked(sale.showtime)).toEqual([0, 1]);
    await expect
      .poll(() => sale.world.eventsOf(id))
      .toEqual(["booking.created", "booking.expired", "booking.confirmed"]);
  });

  /** One of them is held by Eve when the money comes. */
  async function lostSeats(more: object = {}): Promise<{ id: string; eve: HoldId }> {
    const { id } = await book([0, 1], more);
    await payLater(id);
    await until(sale.shop, id, hasStatus("expired"));
    const { hold } = await vi.waitUntil(
      async () => {
        const reply = await sale.world.ask(sale.showtime, "eve", [1]);
        return reply.type === "held" && reply;
      },
      { timeout: 10_000 },
    );
    sale.world.payments.decide(id, "authorized");
    return { id, eve: hold };
  }

  it("late money goes back when the seats are gone", async () => {
    const { id } = await lostSeats();
    expect(await until(sale.shop, id, hasStatus("refunded"))).toMatchObject({
      reason: expect.stringContaining("seats were gone"),
      payment: { status: "voided" },
    });
    expect([
      await sale.world.booked(sale.showtime),
      sale.world.payments.kept(id),
      sale.world.payments.reserved(id),
    ]).toEqual([[], 0, false]);
    await expect.poll(() => sale.world.eventsOf(id).at(-1)).toBe("booking.refunded");
  });

  it("money that comes when the show is over goes back, though the seats are still kept", async () => {
    const { id } = await book([0]);
    await payLater(id);
    await sale.world.endShow(sale.showtime);
    sale.world.payments.decide(id, "authorized");
    const reason = expect.stringContaining("too late");
    expect(await until(sale.shop, id, hasStatus("refunded", "confirmed"))).toMatchObject({
      status: "refunded",
      reason,
    });
    await expect.poll(() => stepsOf(id)).toEqual([]);
    expect([await sale.world.free(sale.showtime), sale.world.payments.kept(id)]).toEqual([96, 0]);
    expect(sale.world.payments.reserved(id)).toBe(false);
  });

  it("late money buys neighbouring seats instead, for a buyer who said so", async () => {
    const { id } = await lostSeats({ acceptOtherSeats: true, tickets: [{ seat: 1, type: "student" }] });
    const { seats, tickets, total } = await until(sale.shop, id, hasStatus("confirmed"));
    expect(seats).toHaveLength(2);
    expect(seats).not.toContain(1);
    expect(await sale.world.booked(sale.showtime)).toEqual(seats);
    expect(tickets.map(({ type }) => type)).toEqual(["adult", "student"]);
    expect(sale.world.payments.kept(id)).toBe(total.amount);
  });

  it("late money goes back when the engine has booked the first seats after all, and others were taken meanwhile", async () => {
    const ask = sale.world.engineClient.ask.bind(sale.world.engineClient);
    const lateConfirm = vi.spyOn(sale.world.engineClient, "ask").mockImplementation(async (request) => {
      if (request.type !== "hold-best") return ask(request);
      // Of a process that slept since before the seats were refused, when they are free again.
      const { holdId: hold } = await read(sale.shop, id);
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
    const ended = await until(sale.shop, id, hasStatus("refunded", "confirmed"));
    lateConfirm.mockRestore();
    expect(ended).toMatchObject({ status: "refunded", reason: expect.stringContaining("seats were gone") });
    await expect.poll(() => stepsOf(id)).toEqual([]);
    expect([await sale.world.booked(sale.showtime), sale.world.payments.kept(id)]).toEqual([[], 0]);
  });

  it("late money buys no dearer seats, though the engine gives them, and they are given back", async () => {
    for (let seat = 2; seat < 96; seat++) sale.world.dearSeats.add(seat);
    const asked = vi.spyOn(sale.world.engineClient, "ask");
    const { id } = await lostSeats({ acceptOtherSeats: true });
    const ended = await until(sale.shop, id, hasStatus("refunded", "confirmed"));
    sale.world.dearSeats.clear();
    const commands = asked.mock.calls.map(([{ type }]) => type);
    asked.mockRestore();
    const reason = expect.stringContaining("seats were gone");
    expect(ended).toMatchObject({ status: "refunded", seats: [0, 1], reason });
    expect(commands.slice(commands.indexOf("hold-best"))).toContain("release");
    expect([await sale.world.booked(sale.showtime), sale.world.payments.kept(id)]).toEqual([[], 0]);
  });

  it.each([
    ["at once", "later"],
    ["when the gateway comes to it", "void-later"],
  ])("a payment that is open after the grace is called off %s, and no refund is told", async (_when, token) => {
    const { id } = await book([0]);
    await payLater(id, token);
    await until(sale.shop, id, hasStatus("expired"));
    sale.shop.clock.shift(70_000);
    await expect.poll(() => sale.world.payments.givenUp(id)).toBe(true);
    sale.world.payments.decide(id, "authorized");
    const reason = "It was not paid in time.";
    const calledOff = await until(sale.shop, id, ({ payment }) => payment?.status === "voided");
    expect(calledOff).toMatchObject({ status: "expired", reason, refunded: { amount: 0 }, refunding: { amount: 0 } });
    expect(sale.world.payments.reserved(id)).toBe(false);
    await expect.poll(() => stepsOf(id)).toEqual([]);
    await expect.poll(() => sale.world.eventsOf(id)).toEqual(["booking.created", "booking.expired"]);
    sale.shop.clock.shift(-70_000);
  });
});
