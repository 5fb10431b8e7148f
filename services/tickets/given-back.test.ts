import { describe, expect, it } from "vitest";
import { testEvent } from "../../platform/events/testing.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { WITHDRAW_TICKETS, WITHDRAWN_FOR_MS } from "../../proto/services/index.ts";
import { euros } from "../../proto/services/testing.ts";
import { useOffice } from "./testing/office.ts";
import { bookingEvent } from "./testing/world.ts";

const office = useOffice();
const { nextBooking, list, rowsOf, checkIn } = office;

describe("tickets are void", () => {
  it("seat by seat when a part of the booking is cancelled, and for good", async () => {
    const booking = office.world.peers.book(nextBooking(), [30, 31, 32]);
    const before = await list(booking.bookingId);
    const left = office.world.peers.book(booking.bookingId, [30, 32]);
    await office.world.stream.publish(
      testEvent("booking.cancelled", booking.bookingId, {
        bookingId: booking.bookingId,
        userId: "ada",
        showtimeId: booking.showtimeId,
        status: "confirmed",
        reason: null,
        seats: [30, 32],
        total: left.total,
        cancelledSeats: [31],
      }),
    );
    const gone = before[1]!;
    await eventually(async () =>
      expect((await checkIn(gone.qr)).json()).toMatchObject({ status: 422, code: "BAD_TICKET", reason: "void" }),
    );
    expect((await list(booking.bookingId)).map(({ id }) => id)).toEqual([before[0]!.id, before[2]!.id]);
    for (const path of [`/tickets/${gone.id}.svg`, `/tickets/${gone.id}.pdf`])
      expect((await office.world.call("GET", path)).json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
    expect((await office.world.call("POST", `/tickets/${gone.id}/reissue`)).json()).toMatchObject({
      code: "BOOKING_STATE",
    });
    expect((await checkIn(before[0]!.qr)).statusCode).toBe(200);
  });

  it("all of them when the money went back", async () => {
    const booking = office.world.peers.book(nextBooking(), [40, 41]);
    const before = await list(booking.bookingId);
    const refunded = office.world.peers.book(booking.bookingId, [], { status: "refunded", total: euros(0) });
    await office.world.stream.publish(bookingEvent("booking.refunded", refunded));
    await eventually(async () =>
      expect((await rowsOf(booking.bookingId)).every(({ voided_at }) => voided_at !== null)).toBe(true),
    );
    for (const { qr } of before) expect((await checkIn(qr)).json()).toMatchObject({ reason: "void" });
  });

  it("when a read sees the cancellation before its event comes", async () => {
    const booking = office.world.peers.book(nextBooking(), [42]);
    const [ticket] = await list(booking.bookingId);
    office.world.peers.book(booking.bookingId, [], { status: "cancelled" });
    expect(await list(booking.bookingId)).toEqual([]);
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "void" });
  });

  it("also when somebody was about to issue them by what the booking was before", async () => {
    const booking = office.world.peers.book(nextBooking(), [43]);
    let release: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      office.world.peers.beforeBooking = () => {
        office.world.peers.beforeBooking = () => {};
        resolve();
        return new Promise((go) => (release = go));
      };
    });
    // The reader's first question passes; the second, of the one that issues, is kept waiting.
    const hold = office.world.peers.beforeBooking;
    office.world.peers.beforeBooking = () => void (office.world.peers.beforeBooking = hold);
    const reading = list(booking.bookingId);
    await asked;
    const cancelled = office.world.peers.book(booking.bookingId, [], { status: "refunded" });
    await office.world.stream.publish(bookingEvent("booking.refunded", cancelled));
    release();
    expect(await reading).toEqual([]);
    expect((await rowsOf(booking.bookingId)).filter(({ voided_at }) => voided_at === null)).toEqual([]);
  });
});

describe("before its seat is given back", () => {
  const withdraw = (bookingId: string, seats: readonly number[], more: { despiteUsed?: boolean } = {}) =>
    office.world.bus.request(WITHDRAW_TICKETS, { bookingId, seats, ...more }, { timeoutMs: 5_000 });

  it("a ticket is withdrawn: it lets nobody in, and is void once the seat is gone", async () => {
    const booking = office.world.peers.book(nextBooking(), [110, 111]);
    const [kept, given] = await list(booking.bookingId);
    expect(await withdraw(booking.bookingId, [111])).toEqual({ used: [] });
    expect(await withdraw(booking.bookingId, [111])).toEqual({ used: [] });
    expect((await checkIn(given!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "withdrawn" });
    expect((await checkIn(kept!.qr)).statusCode).toBe(200);
    const left = office.world.peers.book(booking.bookingId, [110]);
    await office.world.stream.publish(bookingEvent("booking.refunded", left));
    await eventually(async () => expect((await checkIn(given!.qr)).json()).toMatchObject({ reason: "void" }));
  });

  it("none is withdrawn when one was let in, and the used seats are said", async () => {
    const booking = office.world.peers.book(nextBooking(), [112, 113]);
    const [used, other] = await list(booking.bookingId);
    await checkIn(used!.qr);
    expect(await withdraw(booking.bookingId, [112, 113])).toEqual({ used: [112] });
    expect((await checkIn(other!.qr)).statusCode).toBe(200);
  });

  it("those that let nobody in yet are withdrawn where that is said, whoever else was let in", async () => {
    const booking = office.world.peers.book(nextBooking(), [125, 126]);
    const [used, other] = await list(booking.bookingId);
    await checkIn(used!.qr);
    const despiteUsed = { despiteUsed: true };
    expect(await withdraw(booking.bookingId, [125], despiteUsed)).toEqual({ used: [125] });
    expect(await withdraw(booking.bookingId, [125, 126], despiteUsed)).toEqual({ used: [125] });
    expect((await checkIn(other!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "withdrawn" });
    expect((await checkIn(used!.qr)).json()).not.toMatchObject({ reason: "withdrawn" });
  });

  it("also one that was not issued yet", async () => {
    const booking = office.world.peers.book(nextBooking(), [114]);
    expect(await withdraw(booking.bookingId, [114])).toEqual({ used: [] });
    const [ticket] = await list(booking.bookingId);
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "withdrawn" });
    expect(await withdraw("bk_nobody", [114])).toEqual({ used: [] });
  });

  it("of the gate and the cancellation one comes first", async () => {
    for (let seat = 115; seat < 125; seat++) {
      const booking = office.world.peers.book(nextBooking(), [seat]);
      const [ticket] = await list(booking.bookingId);
      const [entry, { used }] = await Promise.all([checkIn(ticket!.qr), withdraw(booking.bookingId, [seat])]);
      expect(used).toEqual(entry.statusCode === 200 ? [seat] : []);
    }
  });

  it("whose cancellation never comes, the ticket is good again after a while, with the same code", async () => {
    const booking = office.world.peers.book(nextBooking(), [130, 131]);
    const [ticket] = await list(booking.bookingId);
    const asked = office.world.clock.now();
    await withdraw(booking.bookingId, [130]);
    // News of the booking meanwhile change nothing.
    await office.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => expect((await dueOf(booking.bookingId))?.getTime()).toBeGreaterThan(asked));
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "withdrawn" });
    expect(office.world.peers.fenced).not.toContain(booking.bookingId);
    office.world.clock.setTo(asked + WITHDRAWN_FOR_MS + 5_000);
    await eventually(async () => expect((await checkIn(ticket!.qr)).statusCode).toBe(200));
    // From then on the cancellation cannot come any more.
    expect(office.world.peers.fenced).toContain(booking.bookingId);
    expect(await dueOf(booking.bookingId)).toBeNull();
  });

  it("in the middle of a look at its booking, it is looked at once more", async () => {
    const booking = office.world.peers.book(nextBooking(), [132]);
    const [ticket] = await list(booking.bookingId);
    const asked = office.world.clock.now();
    let withdrawn: Promise<unknown> | undefined;
    // Tickets and their withdrawals have been read by then, and are not written yet.
    office.world.peers.beforeBooking = () => (withdrawn ??= withdraw(booking.bookingId, [132])).then(() => {});
    const before = office.world.peers.asked;
    await office.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(() => expect(office.world.peers.asked).toBe(before + 2));
    await eventually(async () =>
      expect((await dueOf(booking.bookingId))?.getTime()).toBeGreaterThanOrEqual(asked + WITHDRAWN_FOR_MS),
    );
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "withdrawn" });
  });

  const dueOf = async (bookingId: string): Promise<Date | null> =>
    (
      await office.world.pool.query<{ due_at: Date | null }>(
        "select due_at from tickets.booking where booking_id = $1",
        [bookingId],
      )
    ).rows[0]?.due_at ?? null;
});
