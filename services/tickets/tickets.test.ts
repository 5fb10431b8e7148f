import { describe, expect, it } from "vitest";
import { eventually } from "../../platform/testing/eventually.ts";
import { TICKETS_PDF } from "../../proto/services/index.ts";
import type { Ticket } from "../../proto/rest/index.ts";
import { useOffice } from "./testing/office.ts";
import { bookingEvent } from "./testing/world.ts";

const office = useOffice();
const { nextBooking, list, rowsOf, issuedFor, checkIn } = office;

describe("tickets are issued", () => {
  it("when the booking is confirmed: one per seat, with one event", async () => {
    const booking = office.world.peers.book(nextBooking(), [3, 4]);
    await office.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(() => expect(issuedFor(booking.bookingId)).toHaveLength(1));
    const rows = await rowsOf(booking.bookingId);
    expect(rows.map(({ seat, label }) => [seat, label])).toEqual([
      [3, "A4"],
      [4, "A5"],
    ]);
    expect(issuedFor(booking.bookingId)[0]).toMatchObject({
      source: "/usher/tickets",
      data: {
        bookingId: booking.bookingId,
        userId: "ada",
        showtimeId: "st_metropolis",
        tickets: rows.map(({ id, seat }) => ({ ticketId: id, seat })),
      },
    });
  });

  it("on the first read, when that comes before the event", async () => {
    const booking = office.world.peers.book(nextBooking(), [7, 5]);
    const first = await list(booking.bookingId);
    expect(first).toMatchObject([
      { bookingId: booking.bookingId, showtimeId: "st_metropolis", seat: 5, label: "A6", status: "valid" },
      { seat: 7, label: "A8", status: "valid" },
    ]);
    await office.world.stream.publish(bookingEvent("booking.confirmed", booking));
    expect(await list(booking.bookingId)).toEqual(first);
    await eventually(() => expect(issuedFor(booking.bookingId)).toHaveLength(1));
  });

  it("exactly once, whoever comes at the same time", async () => {
    const booking = office.world.peers.book(nextBooking(), [10, 11, 12]);
    const others = [office.world.another(), office.world.another()];
    await Promise.all(others.map((other) => other.start()));
    const event = bookingEvent("booking.confirmed", booking);
    await Promise.all([
      ...Array.from({ length: 20 }, () => list(booking.bookingId)),
      ...Array.from({ length: 5 }, () => office.world.stream.publish(event)),
      ...Array.from({ length: 5 }, () => office.world.bus.request(TICKETS_PDF, booking, { timeoutMs: 10_000 })),
    ]);
    expect(await rowsOf(booking.bookingId)).toHaveLength(3);
    await eventually(() => expect(issuedFor(booking.bookingId)).toHaveLength(1));
    await Promise.all(others.map((other) => other.stop()));
  });

  it("by one of two who find at the same time that there are none", async () => {
    const booking = office.world.peers.book(nextBooking(), [13, 14]);
    // Each asks for the booking twice, and the second time both have seen that it has no tickets.
    let asked = 0;
    const turns = [1, 2].map(() => {
      let open = (): void => {};
      return { opened: new Promise<void>((resolve) => (open = resolve)), open: () => open() };
    });
    office.world.peers.beforeBooking = async () => {
      const turn = turns[Math.floor(asked++ / 2)];
      if (asked % 2 === 0) turn?.open();
      await turn?.opened;
    };
    const [one, other] = await Promise.all([list(booking.bookingId), list(booking.bookingId)]);
    expect(one).toHaveLength(2);
    expect(other).toEqual(one);
    expect(asked).toBeGreaterThan(4);
    const told = "select from tickets.outbox where subject = $1";
    expect((await office.world.pool.query(told, [booking.bookingId])).rowCount).toBe(1);
  });

  it.each(["pending", "paying", "cancelled", "refunded", "expired", "failed"] as const)(
    "not for a booking that is %s: its list is empty, and there is nothing to print",
    async (status) => {
      const booking = office.world.peers.book(nextBooking(), [20], { status });
      expect(await list(booking.bookingId)).toEqual([]);
      expect(await rowsOf(booking.bookingId)).toEqual([]);
      const pdf = await office.world.call("GET", `/bookings/${booking.bookingId}/tickets.pdf`);
      expect(pdf.json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
      expect(await office.world.bus.request(TICKETS_PDF, booking, { timeoutMs: 10_000 })).toBeNull();
    },
  );

  it("once the services that know of it answer again", async () => {
    const booking = office.world.peers.book(nextBooking(), [21]);
    const { showtimeId } = office.world.peers.showtime;
    office.world.peers.showtime = { ...office.world.peers.showtime, showtimeId: "st_other" };
    await office.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => {
      const { rows } = await office.world.pool.query("select attempts from tickets.booking where booking_id = $1", [
        booking.bookingId,
      ]);
      expect(rows[0].attempts).toBeGreaterThan(0);
    });
    office.world.peers.showtime = { ...office.world.peers.showtime, showtimeId };
    await eventually(async () => expect(await rowsOf(booking.bookingId)).toHaveLength(1));
  });

  it("after a crash between the event and the tickets", async () => {
    const booking = office.world.peers.book(nextBooking(), [22]);
    await office.world.pool.query("insert into tickets.booking values ($1, 1, $2, 3)", [
      booking.bookingId,
      new Date(office.world.clock.now() - 1),
    ]);
    await eventually(async () => expect(await rowsOf(booking.bookingId)).toHaveLength(1));
  });
});

describe("reading tickets", () => {
  it("is for the holder and for administrators; to others the booking does not exist", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [50]);
    const [ticket] = await list(bookingId);
    const paths = [
      `/bookings/${bookingId}/tickets`,
      `/bookings/${bookingId}/tickets.pdf`,
      `/tickets/${ticket!.id}.pdf`,
      `/tickets/${ticket!.id}.svg`,
    ];
    for (const path of paths) {
      expect((await office.world.call("GET", path)).statusCode, path).toBe(200);
      expect((await office.world.call("GET", path, { user: "root", role: "admin" })).statusCode, path).toBe(200);
      for (const role of ["customer", "guest", "kiosk", "boxoffice", "gate"] as const)
        expect((await office.world.call("GET", path, { user: "eve", role })).statusCode, `${path} as ${role}`).toBe(
          404,
        );
      expect((await office.world.server.app.inject({ url: `/api/v1${path}` })).statusCode, path).toBe(401);
    }
    const reissue = await office.world.call("POST", `/tickets/${ticket!.id}/reissue`, { user: "eve" });
    expect(reissue.json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect((await office.world.call("GET", paths[0]!, { user: "eve" })).json()).toMatchObject({
      code: "BOOKING_NOT_FOUND",
    });
  });

  it.each(["nobody", "'; drop table tickets.ticket; --", "😀", "..", "a".repeat(100)])(
    "finds nothing under %j",
    async (id) => {
      const name = encodeURIComponent(id);
      for (const path of [`/bookings/${name}/tickets`, `/tickets/${name}.pdf`, `/tickets/${name}.svg`])
        expect((await office.world.call("GET", path)).statusCode, path).toBe(404);
    },
  );

  it("says when bookings cannot be asked, and when to come again", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [51]);
    office.world.peers.silent = true;
    const response = await office.world.call("GET", `/bookings/${bookingId}/tickets`);
    expect(response.json()).toMatchObject({ status: 503, code: "UNAVAILABLE", retryInMs: expect.any(Number) });
  });

  it("shows nothing to caches", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [52]);
    const response = await office.world.call("GET", `/bookings/${bookingId}/tickets`);
    expect(response.headers["cache-control"]).toContain("no-store");
  });
});

describe("a ticket that is issued anew", () => {
  it("has another code, and the old one is void", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [60]);
    const [old] = await list(bookingId);
    const response = await office.world.call("POST", `/tickets/${old!.id}/reissue`);
    expect(response.json()).toMatchObject({ id: old!.id, seat: 60, status: "valid" });
    const { qr } = response.json<Ticket>();
    expect(qr).not.toBe(old!.qr);
    expect((await checkIn(old!.qr)).json()).toMatchObject({ status: 422, code: "BAD_TICKET", reason: "replaced" });
    expect((await list(bookingId))[0]!.qr).toBe(qr);
    expect((await checkIn(qr)).statusCode).toBe(200);
    expect((await checkIn(old!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "replaced" });
    expect((await office.world.call("POST", `/tickets/${old!.id}/reissue`)).json()).toMatchObject({
      status: 409,
      code: "ALREADY_USED",
      checkedInAt: expect.any(String),
    });
  });

  it("is so once for each Idempotency-Key", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [61]);
    const [old] = await list(bookingId);
    const answers = [];
    for (let time = 0; time < 3; time++)
      answers.push((await office.world.call("POST", `/tickets/${old!.id}/reissue`, { key: `anew-${bookingId}` })).body);
    expect(new Set(answers).size).toBe(1);
    expect((await rowsOf(bookingId))[0]!.generation).toBe(2);
  });

  it("is so only as often as the code can count", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [62]);
    const [old] = await list(bookingId);
    await office.world.pool.query("update tickets.ticket set generation = 65535 where id = $1", [old!.id]);
    expect((await office.world.call("POST", `/tickets/${old!.id}/reissue`)).json()).toMatchObject({
      code: "LIMIT_REACHED",
    });
    expect((await checkIn((await list(bookingId))[0]!.qr)).statusCode).toBe(200);
  });
});

it("the API's description names what the routes answer with", async () => {
  const { paths } = (await office.world.server.app.inject({ url: "/openapi.json" })).json();
  expect(paths["/api/v1/tickets/{id}.pdf"].get.responses["200"].content).toHaveProperty("application/pdf");
  expect(paths["/api/v1/tickets/{id}.svg"].get.responses["200"].content).toHaveProperty("image/svg+xml");
  expect(Object.keys(paths["/api/v1/tickets/check-in"].post.responses)).toEqual(
    expect.arrayContaining(["200", "409", "422"]),
  );
});
