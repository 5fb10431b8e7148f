import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemRandom } from "../../platform/random/index.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { TICKETS_PDF, WITHDRAW_TICKETS, WITHDRAWN_FOR_MS } from "../../proto/services/index.ts";
import type { Ticket } from "../../proto/rest/index.ts";
import { testServer } from "../../platform/http/testing.ts";
import { fromBase32 } from "./code/base32.ts";
import { rotateTicketKeys } from "./index.ts";
import { PRINTED_AT_ONCE, PRINTS_WAITING_MAX } from "./limits.ts";
import { readPdf } from "./testing/pdf.ts";
import { readQrSvg } from "./testing/read-qr.ts";
import { bookingEvent, euros, eventOf, testTickets, type TestTickets } from "./testing/world.ts";

let world: TestTickets;
let bookings = 0;
const nextBooking = () => `bk_${++bookings}`;

beforeAll(async () => {
  world = await testTickets();
});
beforeEach(() => {
  world.peers.beforeBooking = () => {};
  world.peers.silent = false;
  world.clock.setTo(Date.parse(world.peers.showtime.startsAt) - 3_600_000);
});
afterAll(() => world.close());

const list = async (bookingId: string, user = "ada"): Promise<Ticket[]> =>
  (await world.call("GET", `/bookings/${bookingId}/tickets`, { user })).json<{ items: Ticket[] }>().items;
const rowsOf = async (bookingId: string) =>
  (await world.pool.query("select * from tickets.ticket where booking_id = $1 order by seat", [bookingId])).rows;
const issuedFor = (bookingId: string) => world.issued.filter(({ subject }) => subject === bookingId);
const checkIn = (qr: string, more: object = {}) =>
  world.call("POST", "/tickets/check-in", { body: { qr, ...more }, role: "gate", user: "gate-1" });

describe("tickets are issued", () => {
  it("when the booking is confirmed: one a seat, with one event", async () => {
    const booking = world.peers.book(nextBooking(), [3, 4]);
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
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
    const booking = world.peers.book(nextBooking(), [7, 5]);
    const first = await list(booking.bookingId);
    expect(first).toMatchObject([
      { bookingId: booking.bookingId, showtimeId: "st_metropolis", seat: 5, label: "A6", status: "valid" },
      { seat: 7, label: "A8", status: "valid" },
    ]);
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    expect(await list(booking.bookingId)).toEqual(first);
    await eventually(() => expect(issuedFor(booking.bookingId)).toHaveLength(1));
  });

  it("exactly once, whoever comes at the same time", async () => {
    const booking = world.peers.book(nextBooking(), [10, 11, 12]);
    const others = [world.another(), world.another()];
    await Promise.all(others.map((other) => other.start()));
    const event = bookingEvent("booking.confirmed", booking);
    await Promise.all([
      ...Array.from({ length: 20 }, () => list(booking.bookingId)),
      ...Array.from({ length: 5 }, () => world.stream.publish(event)),
      ...Array.from({ length: 5 }, () => world.bus.request(TICKETS_PDF, booking, { timeoutMs: 10_000 })),
    ]);
    expect(await rowsOf(booking.bookingId)).toHaveLength(3);
    await eventually(() => expect(issuedFor(booking.bookingId)).toHaveLength(1));
    await Promise.all(others.map((other) => other.stop()));
  });

  it("by one of two who find at the same time that there are none", async () => {
    const booking = world.peers.book(nextBooking(), [13, 14]);
    // Each asks for the booking twice, and the second time both have seen that it has no tickets.
    let asked = 0;
    const turns = [1, 2].map(() => {
      let open = (): void => {};
      return { opened: new Promise<void>((resolve) => (open = resolve)), open: () => open() };
    });
    world.peers.beforeBooking = async () => {
      const turn = turns[Math.floor(asked++ / 2)];
      if (asked % 2 === 0) turn?.open();
      await turn?.opened;
    };
    const [one, other] = await Promise.all([list(booking.bookingId), list(booking.bookingId)]);
    expect(one).toHaveLength(2);
    expect(other).toEqual(one);
    expect(asked).toBeGreaterThan(4);
    const told = "select from tickets.outbox where subject = $1";
    expect((await world.pool.query(told, [booking.bookingId])).rowCount).toBe(1);
  });

  it.each(["pending", "paying", "cancelled", "refunded", "expired", "failed"] as const)(
    "not for a booking that is %s: its list is empty, and there is nothing to print",
    async (status) => {
      const booking = world.peers.book(nextBooking(), [20], { status });
      expect(await list(booking.bookingId)).toEqual([]);
      expect(await rowsOf(booking.bookingId)).toEqual([]);
      const pdf = await world.call("GET", `/bookings/${booking.bookingId}/tickets.pdf`);
      expect(pdf.json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
      expect(await world.bus.request(TICKETS_PDF, booking, { timeoutMs: 10_000 })).toBeNull();
    },
  );

  it("once the services that know of it answer again", async () => {
    const booking = world.peers.book(nextBooking(), [21]);
    const { showtimeId } = world.peers.showtime;
    world.peers.showtime = { ...world.peers.showtime, showtimeId: "st_other" };
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => {
      const { rows } = await world.pool.query("select attempts from tickets.booking where booking_id = $1", [
        booking.bookingId,
      ]);
      expect(rows[0].attempts).toBeGreaterThan(0);
    });
    world.peers.showtime = { ...world.peers.showtime, showtimeId };
    await eventually(async () => expect(await rowsOf(booking.bookingId)).toHaveLength(1));
  });

  it("after a crash between the event and the tickets", async () => {
    const booking = world.peers.book(nextBooking(), [22]);
    await world.pool.query("insert into tickets.booking values ($1, 1, $2, 3)", [
      booking.bookingId,
      new Date(world.clock.now() - 1),
    ]);
    await eventually(async () => expect(await rowsOf(booking.bookingId)).toHaveLength(1));
  });
});

describe("tickets are void", () => {
  it("seat by seat when a part of the booking is cancelled, and for good", async () => {
    const booking = world.peers.book(nextBooking(), [30, 31, 32]);
    const before = await list(booking.bookingId);
    const left = world.peers.book(booking.bookingId, [30, 32]);
    await world.stream.publish(
      eventOf("booking.cancelled", booking.bookingId, {
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
      expect((await world.call("GET", path)).json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
    expect((await world.call("POST", `/tickets/${gone.id}/reissue`)).json()).toMatchObject({ code: "BOOKING_STATE" });
    expect((await checkIn(before[0]!.qr)).statusCode).toBe(200);
  });

  it("all of them when the money went back", async () => {
    const booking = world.peers.book(nextBooking(), [40, 41]);
    const before = await list(booking.bookingId);
    const refunded = world.peers.book(booking.bookingId, [], { status: "refunded", total: euros(0) });
    await world.stream.publish(bookingEvent("booking.refunded", refunded));
    await eventually(async () =>
      expect((await rowsOf(booking.bookingId)).every(({ voided_at }) => voided_at !== null)).toBe(true),
    );
    for (const { qr } of before) expect((await checkIn(qr)).json()).toMatchObject({ reason: "void" });
  });

  it("when a read sees the cancellation before its event comes", async () => {
    const booking = world.peers.book(nextBooking(), [42]);
    const [ticket] = await list(booking.bookingId);
    world.peers.book(booking.bookingId, [], { status: "cancelled" });
    expect(await list(booking.bookingId)).toEqual([]);
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "void" });
  });

  it("also when somebody was about to issue them by what the booking was before", async () => {
    const booking = world.peers.book(nextBooking(), [43]);
    let release: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      world.peers.beforeBooking = () => {
        world.peers.beforeBooking = () => {};
        resolve();
        return new Promise((go) => (release = go));
      };
    });
    // The reader's first question passes; the second, of the one that issues, is kept waiting.
    const hold = world.peers.beforeBooking;
    world.peers.beforeBooking = () => void (world.peers.beforeBooking = hold);
    const reading = list(booking.bookingId);
    await asked;
    const cancelled = world.peers.book(booking.bookingId, [], { status: "refunded" });
    await world.stream.publish(bookingEvent("booking.refunded", cancelled));
    release();
    expect(await reading).toEqual([]);
    expect((await rowsOf(booking.bookingId)).filter(({ voided_at }) => voided_at === null)).toEqual([]);
  });
});

describe("before its seat is given back", () => {
  const withdraw = (bookingId: string, seats: readonly number[]) =>
    world.bus.request(WITHDRAW_TICKETS, { bookingId, seats }, { timeoutMs: 5_000 });

  it("a ticket is withdrawn: it lets nobody in, and is void once the seat is gone", async () => {
    const booking = world.peers.book(nextBooking(), [110, 111]);
    const [kept, given] = await list(booking.bookingId);
    expect(await withdraw(booking.bookingId, [111])).toEqual({ used: [] });
    expect(await withdraw(booking.bookingId, [111])).toEqual({ used: [] });
    expect((await checkIn(given!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "withdrawn" });
    expect((await checkIn(kept!.qr)).statusCode).toBe(200);
    const left = world.peers.book(booking.bookingId, [110]);
    await world.stream.publish(bookingEvent("booking.refunded", left));
    await eventually(async () => expect((await checkIn(given!.qr)).json()).toMatchObject({ reason: "void" }));
  });

  it("none is withdrawn when one was let in, and the used seats are said", async () => {
    const booking = world.peers.book(nextBooking(), [112, 113]);
    const [used, other] = await list(booking.bookingId);
    await checkIn(used!.qr);
    expect(await withdraw(booking.bookingId, [112, 113])).toEqual({ used: [112] });
    expect((await checkIn(other!.qr)).statusCode).toBe(200);
  });

  it("also one that was not issued yet", async () => {
    const booking = world.peers.book(nextBooking(), [114]);
    expect(await withdraw(booking.bookingId, [114])).toEqual({ used: [] });
    const [ticket] = await list(booking.bookingId);
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "withdrawn" });
    expect(await withdraw("bk_nobody", [114])).toEqual({ used: [] });
  });

  it("of the gate and the cancellation one comes first", async () => {
    for (let seat = 115; seat < 125; seat++) {
      const booking = world.peers.book(nextBooking(), [seat]);
      const [ticket] = await list(booking.bookingId);
      const [entry, { used }] = await Promise.all([checkIn(ticket!.qr), withdraw(booking.bookingId, [seat])]);
      expect(used).toEqual(entry.statusCode === 200 ? [seat] : []);
    }
  });

  it("whose cancellation never comes, the ticket is good again after a while, with the same code", async () => {
    const booking = world.peers.book(nextBooking(), [130, 131]);
    const [ticket] = await list(booking.bookingId);
    const asked = world.clock.now();
    await withdraw(booking.bookingId, [130]);
    // News of the booking meanwhile change nothing.
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => expect((await dueOf(booking.bookingId))?.getTime()).toBeGreaterThan(asked));
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "withdrawn" });
    world.clock.setTo(asked + WITHDRAWN_FOR_MS + 5_000);
    await eventually(async () => expect((await checkIn(ticket!.qr)).statusCode).toBe(200));
    expect(await dueOf(booking.bookingId)).toBeNull();
  });

  it("in the middle of a look at its booking, it is looked at once more", async () => {
    const booking = world.peers.book(nextBooking(), [132]);
    const [ticket] = await list(booking.bookingId);
    const asked = world.clock.now();
    let withdrawn: Promise<unknown> | undefined;
    // Tickets and their withdrawals have been read by then, and are not written yet.
    world.peers.beforeBooking = () => (withdrawn ??= withdraw(booking.bookingId, [132])).then(() => {});
    const before = world.peers.asked;
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(() => expect(world.peers.asked).toBe(before + 2));
    await eventually(async () =>
      expect((await dueOf(booking.bookingId))?.getTime()).toBeGreaterThanOrEqual(asked + WITHDRAWN_FOR_MS),
    );
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ reason: "withdrawn" });
  });

  const dueOf = async (bookingId: string): Promise<Date | null> =>
    (
      await world.pool.query<{ due_at: Date | null }>("select due_at from tickets.booking where booking_id = $1", [
        bookingId,
      ])
    ).rows[0]?.due_at ?? null;
});

describe("reading tickets", () => {
  it("is for the holder and for administrators; to others the booking does not exist", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [50]);
    const [ticket] = await list(bookingId);
    const paths = [
      `/bookings/${bookingId}/tickets`,
      `/bookings/${bookingId}/tickets.pdf`,
      `/tickets/${ticket!.id}.pdf`,
      `/tickets/${ticket!.id}.svg`,
    ];
    for (const path of paths) {
      expect((await world.call("GET", path)).statusCode, path).toBe(200);
      expect((await world.call("GET", path, { user: "root", role: "admin" })).statusCode, path).toBe(200);
      for (const role of ["customer", "guest", "kiosk", "boxoffice", "gate"] as const)
        expect((await world.call("GET", path, { user: "eve", role })).statusCode, `${path} as ${role}`).toBe(404);
      expect((await world.server.app.inject({ url: `/api/v1${path}` })).statusCode, path).toBe(401);
    }
    const reissue = await world.call("POST", `/tickets/${ticket!.id}/reissue`, { user: "eve" });
    expect(reissue.json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect((await world.call("GET", paths[0]!, { user: "eve" })).json()).toMatchObject({ code: "BOOKING_NOT_FOUND" });
  });

  it.each(["nobody", "'; drop table tickets.ticket; --", "😀", "..", "a".repeat(100)])(
    "finds nothing under %j",
    async (id) => {
      const name = encodeURIComponent(id);
      for (const path of [`/bookings/${name}/tickets`, `/tickets/${name}.pdf`, `/tickets/${name}.svg`])
        expect((await world.call("GET", path)).statusCode, path).toBe(404);
    },
  );

  it("says when bookings cannot be asked, and when to come again", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [51]);
    world.peers.silent = true;
    const response = await world.call("GET", `/bookings/${bookingId}/tickets`);
    expect(response.json()).toMatchObject({ status: 503, code: "UNAVAILABLE", retryInMs: expect.any(Number) });
  });

  it("shows nothing to caches", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [52]);
    const response = await world.call("GET", `/bookings/${bookingId}/tickets`);
    expect(response.headers["cache-control"]).toContain("no-store");
  });
});

describe("a ticket can be taken along", () => {
  it("as a picture whose code is the ticket's", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [55]);
    const [ticket] = await list(bookingId);
    const response = await world.call("GET", `/tickets/${ticket!.id}.svg`);
    expect(response.headers["content-type"]).toBe("image/svg+xml; charset=utf-8");
    expect(readQrSvg(response.body)).toBe(ticket!.qr);
  });

  it("on paper: alone, with the others of its booking, and by mail", async () => {
    const booking = world.peers.book(nextBooking(), [56, 57]);
    const tickets = await list(booking.bookingId);
    const one = await world.call("GET", `/tickets/${tickets[1]!.id}.pdf`);
    expect(one.headers["content-type"]).toBe("application/pdf");
    expect(one.headers["content-disposition"]).toBe(`inline; filename="ticket-${tickets[1]!.id}.pdf"`);
    expect(readPdf(one.rawPayload).map(({ lines }) => lines.at(-1))).toEqual([tickets[1]!.id]);
    const all = await world.call("GET", `/bookings/${booking.bookingId}/tickets.pdf`);
    expect(readPdf(all.rawPayload).map(({ lines }) => lines.at(-1))).toEqual(tickets.map(({ id }) => id));
    const mailed = await world.bus.request(TICKETS_PDF, booking, { timeoutMs: 5_000 });
    expect(mailed!.fileName).toBe(`tickets-${booking.bookingId}.pdf`);
    expect(readPdf(mailed!.bytes)).toHaveLength(2);
  });

  it("and be verified where there is no network, by the published keys, also after a rotation", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [58]);
    const [before] = await list(bookingId);
    rotateTicketKeys({ dataDir: world.dataDir, clock: world.clock, random: systemRandom });
    const other = world.another();
    const fresh = await testServer();
    await fresh.app.register(other.wellKnown);
    const { keys } = (await fresh.app.inject({ url: "/.well-known/ticket-keys.json" })).json<{ keys: JsonWebKey[] }>();
    await fresh.close();
    expect(keys).toHaveLength(2);
    const bytes = Buffer.from(fromBase32(before!.qr)!);
    const published = keys.find((key) => "kid" in key && key["kid"] === bytes.toString("hex", 1, 5))!;
    const key = createPublicKey({ key: published, format: "jwk" });
    expect(verify(null, bytes.subarray(0, -64), key, bytes.subarray(-64))).toBe(true);
    expect((await checkIn(before!.qr)).statusCode).toBe(200);
  });
});

describe("more prints at once than there is room for", () => {
  /** The hall's plan stays away until then, and every print with it. */
  function holdPrints(): () => void {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    world.peers.beforePlan = () => opened;
    return open;
  }
  const refused: unknown[] = [];
  const print = async (user: string, bookingId: string) => {
    const answer = await world.call("GET", `/bookings/${bookingId}/tickets.pdf`, { user });
    if (answer.statusCode !== 200) refused.push(answer.json());
    return answer.statusCode;
  };
  const untilRefused = () =>
    eventually(() => expect(refused).toContainEqual(expect.objectContaining({ status: 503, code: "BUSY" })));
  beforeEach(() => (refused.length = 0));
  afterEach(() => (world.peers.beforePlan = () => {}));

  it("are BUSY, at once, and the others are printed", async () => {
    const room = PRINTED_AT_ONCE + PRINTS_WAITING_MAX;
    const bookings = Array.from({ length: room + 5 }, (_, at) =>
      world.peers.book(nextBooking(), [61 + at], { userId: `reader-${at}` }),
    );
    const open = holdPrints();
    const printing = bookings.map(({ userId, bookingId }) => print(userId, bookingId));
    await untilRefused();
    open();
    expect((await Promise.all(printing)).filter((status) => status === 200).length).toBeGreaterThan(0);
    expect(await print("reader-0", bookings[0]!.bookingId)).toBe(200);
  });

  it("of one reader keep nobody else's away, nor the mails", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [110]);
    const others = world.peers.book(nextBooking(), [111], { userId: "bob" });
    await list(bookingId);
    const open = holdPrints();
    const printing = Array.from({ length: PRINTED_AT_ONCE + PRINTS_WAITING_MAX + 5 }, () => print("ada", bookingId));
    await untilRefused();
    world.peers.beforePlan = () => {};
    expect(await print("bob", others.bookingId)).toBe(200);
    expect(await world.bus.request(TICKETS_PDF, others, { timeoutMs: 5_000 })).not.toBeNull();
    open();
    expect(await Promise.all(printing)).toContain(200);
    expect(await print("ada", bookingId)).toBe(200);
  });
});

describe("a ticket that is issued anew", () => {
  it("has another code, and the old one is void", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [60]);
    const [old] = await list(bookingId);
    const response = await world.call("POST", `/tickets/${old!.id}/reissue`);
    expect(response.json()).toMatchObject({ id: old!.id, seat: 60, status: "valid" });
    const { qr } = response.json<Ticket>();
    expect(qr).not.toBe(old!.qr);
    expect((await checkIn(old!.qr)).json()).toMatchObject({ status: 422, code: "BAD_TICKET", reason: "replaced" });
    expect((await list(bookingId))[0]!.qr).toBe(qr);
    expect((await checkIn(qr)).statusCode).toBe(200);
    expect((await checkIn(old!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "replaced" });
    expect((await world.call("POST", `/tickets/${old!.id}/reissue`)).json()).toMatchObject({
      status: 409,
      code: "ALREADY_USED",
      checkedInAt: expect.any(String),
    });
  });

  it("is so once for each Idempotency-Key", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [61]);
    const [old] = await list(bookingId);
    const answers = [];
    for (let time = 0; time < 3; time++)
      answers.push((await world.call("POST", `/tickets/${old!.id}/reissue`, { key: `anew-${bookingId}` })).body);
    expect(new Set(answers).size).toBe(1);
    expect((await rowsOf(bookingId))[0].generation).toBe(2);
  });

  it("is so only as often as the code can count", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [62]);
    const [old] = await list(bookingId);
    await world.pool.query("update tickets.ticket set generation = 65535 where id = $1", [old!.id]);
    expect((await world.call("POST", `/tickets/${old!.id}/reissue`)).json()).toMatchObject({ code: "LIMIT_REACHED" });
    expect((await checkIn((await list(bookingId))[0]!.qr)).statusCode).toBe(200);
  });
});

it("the API's description names what the routes answer with", async () => {
  const { paths } = (await world.server.app.inject({ url: "/openapi.json" })).json();
  expect(paths["/api/v1/tickets/{id}.pdf"].get.responses["200"].content).toHaveProperty("application/pdf");
  expect(paths["/api/v1/tickets/{id}.svg"].get.responses["200"].content).toHaveProperty("image/svg+xml");
  expect(Object.keys(paths["/api/v1/tickets/check-in"].post.responses)).toEqual(
    expect.arrayContaining(["200", "409", "422"]),
  );
});

describe("the gate", () => {
  it("lets in one of fifty who come with the same code, and tells the others when", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [70]);
    const [ticket] = await list(bookingId);
    const answers = await Promise.all(Array.from({ length: 50 }, () => checkIn(ticket!.qr)));
    const winners = answers.filter(({ statusCode }) => statusCode === 200);
    expect(winners).toHaveLength(1);
    const winner = winners[0]!.json();
    expect(winner).toMatchObject({
      ticketId: ticket!.id,
      bookingId,
      showtimeId: "st_metropolis",
      seat: 70,
      label: "D11",
    });
    for (const other of answers.filter((answer) => answer !== winners[0]))
      expect(other.json()).toMatchObject({ status: 409, code: "ALREADY_USED", checkedInAt: winner.checkedInAt });
    expect(await list(bookingId)).toMatchObject([{ status: "used", checkedInAt: winner.checkedInAt }]);
  });

  it("gives its answer again to a gate that has lost it", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [71]);
    const [ticket] = await list(bookingId);
    const call = { body: { qr: ticket!.qr }, role: "gate", user: "gate-1", key: "in-1" } as const;
    const first = await world.call("POST", "/tickets/check-in", call);
    const again = await world.call("POST", "/tickets/check-in", call);
    expect([again.statusCode, again.body]).toEqual([200, first.body]);
  });

  it("lets in whom it let in before its process died, and nobody else, with the same key", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [75]);
    const [ticket] = await list(bookingId);
    const call = { body: { qr: ticket!.qr }, role: "gate", user: "gate-1", key: "in-2" } as const;
    const first = await world.call("POST", "/tickets/check-in", call);
    // As if the process had died before it kept its answer.
    const lost = await world.server.pool.query(
      "delete from http.idempotency_key where user_id = 'gate-1' and key = 'in-2'",
    );
    expect(lost.rowCount).toBe(1);
    const again = await world.call("POST", "/tickets/check-in", call);
    expect([again.statusCode, again.json()]).toEqual([200, first.json()]);
    for (const other of [
      { ...call, key: "in-3" },
      { ...call, user: "gate-2" },
    ])
      expect((await world.call("POST", "/tickets/check-in", other)).json()).toMatchObject({ code: "ALREADY_USED" });
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ code: "ALREADY_USED" });
  });

  it("is for gates and administrators", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [72]);
    const [ticket] = await list(bookingId);
    for (const role of ["customer", "guest", "kiosk", "boxoffice"] as const) {
      const refused = await world.call("POST", "/tickets/check-in", { body: { qr: ticket!.qr }, role });
      expect(refused.json()).toMatchObject({ status: 403, code: "FORBIDDEN" });
    }
    const admin = await world.call("POST", "/tickets/check-in", { body: { qr: ticket!.qr }, role: "admin" });
    expect(admin.statusCode).toBe(200);
  });

  it("opens some time before the showtime, and closes at its end", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [73]);
    const [ticket] = await list(bookingId);
    world.clock.setTo(Date.parse(ticket!.validFrom) - 60_000);
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "too-early" });
    world.clock.setTo(Date.parse(ticket!.validUntil));
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "too-late" });
    world.clock.setTo(Date.parse(ticket!.validUntil) - 60_000);
    expect((await checkIn(ticket!.qr)).statusCode).toBe(200);
  });

  it("goes by the new time of a showtime that was moved, also with a code from before", async () => {
    const { showtime } = world.peers;
    const { bookingId } = world.peers.book(nextBooking(), [74]);
    const [old] = await list(bookingId);
    const endsAt = "2027-01-17T22:00:00.000Z";
    world.peers.showtime = { ...showtime, startsAt: "2027-01-17T19:15:00.000Z", endsAt };
    const { showtimeId, movieId } = showtime;
    await world.stream.publish(eventOf("showtime.changed", showtimeId, { showtimeId, movieId }));
    await eventually(async () => expect((await list(bookingId))[0]!.validUntil).toBe(endsAt));
    world.clock.setTo(Date.parse(endsAt) - 60_000);
    expect((await checkIn(old!.qr)).statusCode).toBe(200);
    world.peers.showtime = showtime;
    await world.stream.publish(eventOf("showtime.changed", showtimeId, { showtimeId, movieId }));
  });

  it("refuses tickets for anything but what it lets in to, when it says what that is", async () => {
    const { bookingId } = world.peers.book(nextBooking(), [75]);
    const [ticket] = await list(bookingId);
    const wrong = await checkIn(ticket!.qr, { showtimeId: "st_other" });
    expect(wrong.json()).toMatchObject({ status: 422, reason: "other-showtime", showtimeId: "st_metropolis" });
    expect((await checkIn(ticket!.qr, { showtimeId: "st_metropolis" })).statusCode).toBe(200);
  });

  it.each(["", " ", "hello", "0".repeat(200), "A".repeat(180), "😀", "../../etc/passwd", "' or 1=1 --"])(
    "takes %j for no ticket",
    async (qr) => {
      expect((await checkIn(qr)).json()).toMatchObject({ status: 422, code: "BAD_TICKET", reason: "forged" });
    },
  );

  it.each([{}, { qr: 1 }, { qr: null }, { qr: ["x"] }, { qr: "x", more: 1 }, { qr: "x".repeat(1_025) }])(
    "refuses the body %j",
    async (body) => {
      const response = await world.call("POST", "/tickets/check-in", { body, role: "gate" });
      expect(response.json()).toMatchObject({ status: 400, code: "BAD_MESSAGE" });
    },
  );
});
