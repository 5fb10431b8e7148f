import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { testEvent } from "../../platform/events/testing.ts";
import { newId, systemRandom } from "../../platform/random/index.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { TicketKeyRing } from "./code/key-ring.ts";
import { writeTicketCode } from "./code/ticket-code.ts";
import { KEYS_READ_AGAIN_AFTER_MS } from "./limits.ts";
import { useOffice } from "./testing/office.ts";
import { bookingEvent } from "./testing/world.ts";

const office = useOffice();
const { nextBooking, list, rowsOf, checkIn } = office;

describe("the gate", () => {
  it("lets in one of fifty who come with the same code, and tells the others when", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [70]);
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
    const { bookingId } = office.world.peers.book(nextBooking(), [71]);
    const [ticket] = await list(bookingId);
    const call = { body: { qr: ticket!.qr }, role: "gate", user: "gate-1", key: "in-1" } as const;
    const first = await office.world.call("POST", "/tickets/check-in", call);
    const again = await office.world.call("POST", "/tickets/check-in", call);
    expect([again.statusCode, again.body]).toEqual([200, first.body]);
  });

  it("lets in whom it let in before its process died, and nobody else, with the same key", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [75]);
    const [ticket] = await list(bookingId);
    const call = { body: { qr: ticket!.qr }, role: "gate", user: "gate-1", key: "in-2" } as const;
    const first = await office.world.call("POST", "/tickets/check-in", call);
    // As if the process had died before it kept its answer.
    const lost = await office.world.server.pool.query(
      "delete from http.idempotency_key where user_id = 'gate-1' and key = 'in-2'",
    );
    expect(lost.rowCount).toBe(1);
    const again = await office.world.call("POST", "/tickets/check-in", call);
    expect([again.statusCode, again.json()]).toEqual([200, first.json()]);
    for (const other of [
      { ...call, key: "in-3" },
      { ...call, user: "gate-2" },
    ])
      expect((await office.world.call("POST", "/tickets/check-in", other)).json()).toMatchObject({
        code: "ALREADY_USED",
      });
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ code: "ALREADY_USED" });
  });

  it("is for gates and administrators", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [72]);
    const [ticket] = await list(bookingId);
    for (const role of ["customer", "guest", "kiosk", "boxoffice"] as const) {
      const refused = await office.world.call("POST", "/tickets/check-in", { body: { qr: ticket!.qr }, role });
      expect(refused.json()).toMatchObject({ status: 403, code: "FORBIDDEN" });
    }
    const admin = await office.world.call("POST", "/tickets/check-in", { body: { qr: ticket!.qr }, role: "admin" });
    expect(admin.statusCode).toBe(200);
  });

  it("opens some time before the showtime, and closes at its end", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [73]);
    const [ticket] = await list(bookingId);
    office.world.clock.setTo(Date.parse(ticket!.validFrom) - 60_000);
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "too-early" });
    office.world.clock.setTo(Date.parse(ticket!.validUntil));
    expect((await checkIn(ticket!.qr)).json()).toMatchObject({ code: "BAD_TICKET", reason: "too-late" });
    office.world.clock.setTo(Date.parse(ticket!.validUntil) - 60_000);
    expect((await checkIn(ticket!.qr)).statusCode).toBe(200);
  });

  it("goes by the new time of a showtime that was moved, also with a code from before", async () => {
    const { showtime } = office.world.peers;
    const { bookingId } = office.world.peers.book(nextBooking(), [74]);
    const [old] = await list(bookingId);
    const endsAt = "2027-01-17T22:00:00.000Z";
    office.world.peers.showtime = { ...showtime, startsAt: "2027-01-17T19:15:00.000Z", endsAt };
    const { showtimeId, movieId } = showtime;
    await office.world.stream.publish(testEvent("showtime.changed", showtimeId, { showtimeId, movieId }));
    await eventually(async () => expect((await list(bookingId))[0]!.validUntil).toBe(endsAt));
    office.world.clock.setTo(Date.parse(endsAt) - 60_000);
    expect((await checkIn(old!.qr)).statusCode).toBe(200);
    office.world.peers.showtime = showtime;
    await office.world.stream.publish(testEvent("showtime.changed", showtimeId, { showtimeId, movieId }));
  });

  it("goes by the new time also with a ticket that was being issued when the showtime was moved", async () => {
    const { peers } = office.world;
    const { showtime } = peers;
    const { showtimeId, movieId } = showtime;
    const moved = { ...showtime, startsAt: "2027-01-17T19:15:00.000Z", endsAt: "2027-01-17T22:00:00.000Z" };
    const changed = testEvent("showtime.changed", showtimeId, { showtimeId, movieId });
    const heard = async (): Promise<number | null> =>
      (await office.world.pool.query("select from tickets.inbox where event_id = $1", [changed.id])).rowCount;
    peers.beforeQuote = async () => {
      peers.beforeQuote = () => {};
      peers.showtime = moved;
      await office.world.stream.publish(changed);
      await eventually(async () => expect(await heard()).toBe(1));
    };
    const booking = peers.book(nextBooking(), [76]);
    await office.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () =>
      expect((await rowsOf(booking.bookingId)).map((row) => row.valid_until.toISOString())).toEqual([moved.endsAt]),
    );
    peers.showtime = showtime;
    await office.world.stream.publish(testEvent("showtime.changed", showtimeId, { showtimeId, movieId }));
  });

  it("refuses tickets for anything but what it lets in to, when it says what that is", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [75]);
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

  it("takes a code with an unknown key for no ticket also while its own keys do not read, and lets in with good ones", async () => {
    const { clock, dataDir, peers } = office.world;
    const { bookingId } = peers.book(nextBooking(), [77]);
    const [ticket] = await list(bookingId);
    const elsewhere = mkdtempSync(join(dataDir, "elsewhere-"));
    const log = pino({ level: "silent" });
    const forger = new TicketKeyRing({ dataDir: elsewhere, clock, random: systemRandom, log });
    const ticketId = newId("tk", systemRandom);
    const times = { validFrom: clock.now(), validUntil: clock.now() + 3_600_000 };
    const qr = writeTicketCode({ ticketId, showtimeId: "st_metropolis", seat: 77, generation: 1, ...times }, forger);
    const path = join(dataDir, "keys", "tickets.json");
    const whole = readFileSync(path);
    writeFileSync(path, "{");
    clock.goForward(KEYS_READ_AGAIN_AFTER_MS);
    expect((await checkIn(qr)).json()).toMatchObject({ status: 422, code: "BAD_TICKET", reason: "forged" });
    expect((await checkIn(ticket!.qr)).statusCode).toBe(200);
    writeFileSync(path, whole);
  });

  it.each([{}, { qr: 1 }, { qr: null }, { qr: ["x"] }, { qr: "x", more: 1 }, { qr: "x".repeat(1_025) }])(
    "refuses the body %j",
    async (body) => {
      const response = await office.world.call("POST", "/tickets/check-in", { body, role: "gate" });
      expect(response.json()).toMatchObject({ status: 400, code: "BAD_MESSAGE" });
    },
  );
});
