import { describe, expect, it } from "vitest";
import { eventually } from "../../../platform/testing/eventually.ts";
import { BOOKING, USER_CARD } from "../../../proto/services/index.ts";
import { usePostOffice } from "../testing/post-office.ts";
import { bookingEvent, paymentFailed } from "../testing/world.ts";
import { MAILED_EVENTS } from "./letters/index.ts";
import { RETRY_FIRST_MS } from "./limits.ts";

const post = usePostOffice();
const { smtpUrl, receivedBy, statusesOf } = post;

describe("a mail", () => {
  it("about a confirmed booking brings its tickets", async () => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
    const [{ from, mail }] = receivedBy(user.email) as [(typeof post.server.received)[0]];
    expect(from).toBe("tickets@usher.example");
    expect(mail.headers.get("from")).toBe("tickets@usher.example");
    expect(mail.headers.get("to")).toBe(`Ada Lovelace <${user.email}>`);
    expect(mail.headers.get("subject")).toBe("Your tickets for Metropolis");
    expect(mail.headers.get("auto-submitted")).toBe("auto-generated");
    const [row] = await post.world.rows(booking.bookingId);
    expect(mail.headers.get("message-id")).toBe(`<${row!.id}@usher.example>`);
    for (const said of [
      "Hello Ada Lovelace,",
      "Metropolis",
      "Friday",
      "15 January 2027",
      "20:15",
      "Astoria Lichtspiele",
      "Kantstraße 48, 10625 Berlin",
      "Großer Saal",
      "A4 (adult, Standard): €12.50",
      "A5 (adult, Standard): €12.50",
      "€25.00",
      booking.bookingId,
      "https://tickets.example.com/",
    ]) {
      expect(mail.text).toContain(said);
      expect(mail.html).toContain(said);
    }
    expect(mail.attachments).toEqual([
      {
        fileName: `tickets-${booking.bookingId}.pdf`,
        type: "application/pdf",
        bytes: Buffer.from("%PDF-1.7 the tickets"),
      },
    ]);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
  });

  it.each(["en", "de"])("is there for every event, in the buyer's language: %s", async (language) => {
    await post.world.start();
    const user = post.world.peers.user({ language });
    const bookingId = `bk_${language}`;
    const booking = post.world.peers.book(user.id, { bookingId, reason: "The showtime was cancelled." });
    for (const type of MAILED_EVENTS)
      await post.world.stream.publish(
        type === "payment.failed" ? paymentFailed(booking, "Card declined.") : bookingEvent(type, booking),
      );
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(MAILED_EVENTS.map(() => "sent")));
    const mails = post.world.files().filter(({ headers }) => headers.get("to")?.includes(`<${user.email}>`));
    const said = mails.map(({ headers, text, html }) => ({ subject: headers.get("subject"), text, html }));
    expect(new Set(said.map(({ subject }) => subject)).size).toBe(MAILED_EVENTS.length);
    for (const { subject, text, html } of said) {
      expect(html).toContain(`<html lang="${language === "de" ? "de-DE" : "en-GB"}">`);
      expect(subject).toContain("Metropolis");
      expect(text).not.toMatch(/undefined|null|\[object|NaN/);
      expect(html).not.toMatch(/undefined|null|\[object|NaN/);
      expect(text).toContain(language === "de" ? "15. Januar 2027 um 20:15" : "15 January 2027 at 20:15");
    }
    expect(Object.fromEntries(said.map(({ subject, text }) => [subject, text]))).toMatchSnapshot();
  });

  it.each(["en", "de"])(
    "about a booking that was never paid speaks of no tickets, and of no other mail: %s",
    async (language) => {
      await post.world.start();
      const user = post.world.peers.user({ language });
      const bookingId = `bk_unpaid_${language}`;
      const booking = post.world.peers.book(user.id, {
        bookingId,
        status: "cancelled",
        reason: "Cancelled at your wish.",
      });
      await post.world.stream.publish(bookingEvent("booking.cancelled", booking, { paid: false }));
      await eventually(async () => expect(await statusesOf(bookingId)).toEqual(["sent"]));
      const [mail] = post.world.files().filter(({ headers }) => headers.get("to")?.includes(`<${user.email}>`));
      expect(mail?.headers.get("subject")).toBe(language === "de" ? "Storniert: Metropolis" : "Cancelled: Metropolis");
      expect(mail?.text).not.toMatch(/their tickets|write again|Karten|schreiben Ihnen/);
      expect(mail?.text).toMatchSnapshot();
    },
  );

  it.each(["en", "de"])("about free seats that were given back says nothing of money: %s", async (language) => {
    await post.world.start();
    const user = post.world.peers.user({ language });
    const bookingId = `bk_free_${language}`;
    const price = { amount: 0, currency: "EUR" };
    const cancelledTickets = [{ seat: 7, label: "A8", type: "child", price }];
    const more = { paid: false, cancelledSeats: [7], cancelledTickets };
    const booking = post.world.peers.book(user.id, { bookingId });
    await post.world.stream.publish(bookingEvent("booking.cancelled", booking, more));
    await eventually(async () => expect(await statusesOf(bookingId)).toEqual(["sent"]));
    const [mail] = post.world.files().filter(({ headers }) => headers.get("to")?.includes(`<${user.email}>`));
    expect(mail?.text).not.toMatch(/paid|pay |goes back|write again|bank|bezahlt|zahlen|zurück|schreiben Ihnen/i);
    expect(mail?.text).not.toMatch(/tickets for|their tickets|Karten/); // There may have been none yet.
    expect(mail?.text).toMatchSnapshot();
  });

  it.each([false, true])(
    "about seats that were given back while others were kept says what they were sold for; the showtime was deleted: %j",
    async (deleted) => {
      await post.server.start();
      await post.world.start({ smtpUrl: smtpUrl() });
      post.world.peers.deleted = deleted;
      const user = post.world.peers.user();
      const price = { amount: 950, currency: "EUR" };
      const cancelledTickets = [{ seat: 7, label: "A8", type: "child", price }];
      const more = { paid: true, cancelledSeats: [7], cancelledTickets };
      await post.world.stream.publish(bookingEvent("booking.cancelled", post.world.peers.book(user.id), more));
      await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
      const [{ mail }] = receivedBy(user.email) as [(typeof post.server.received)[0]];
      expect(mail.text).toContain(`A8 (child${deleted ? "" : ", Standard"}): €9.50`);
    },
  );

  it.each([
    ["😀 Zoë 🎬", "😀 Zoë 🎬"],
    ["שלום עולם", "שלום עולם"],
    ["مرحبا", "مرحبا"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
    ["Eve\r\nBcc: everybody@example.com\r\n\r\nBuy", "Eve Bcc: everybody@example.com Buy"],
    ["Eve\u2028Bcc: x@y.z", "Eve Bcc: x@y.z"],
    ['"Eve" <eve@evil.example>, x', '"Eve" <eve@evil.example>, x'],
    ["=?utf-8?q?Eve?=", "=?utf-8?q?Eve?="],
    ["\u202Egpj.exe", "gpj.exe"],
    ["a".repeat(500), `${"a".repeat(199)}…`],
    ["${jndi:ldap://x} {{7*7}} %s \\", "${jndi:ldap://x} {{7*7}} %s \\"],
  ])("says the title %j, and the name if it is one, as they are, and nothing else", async (given, shown) => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const { showtime } = post.world.peers;
    post.world.peers.showtime = { ...showtime, title: given, hallName: given, cinemaName: given };
    const user = post.world.peers.user({ name: given });
    await post.world.stream.publish(
      bookingEvent("booking.refunded", post.world.peers.book(user.id, { reason: given })),
    );
    await eventually(() => expect(post.server.received).toHaveLength(1));
    post.world.peers.showtime = showtime;
    const [{ to, mail }] = post.server.received as [(typeof post.server.received)[0]];
    expect(to).toEqual([user.email]);
    expect([...mail.headers.keys()].sort()).toEqual([
      "auto-submitted",
      "content-language",
      "content-type",
      "date",
      "from",
      "message-id",
      "mime-version",
      "subject",
      "to",
    ]);
    expect(mail.headers.get("to")).toContain(user.email);
    expect(mail.headers.get("to")?.match(/@/g)?.length).toBe(1);
    if (!given.startsWith("=?")) expect(mail.headers.get("subject")).toBe(`Refund for ${shown}`);
    expect(mail.text).toContain(/[@\r]|:\/\/|\.\w/.test(given) ? "Hello,\n" : `Hello ${shown},`);
    const escaped = shown
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;");
    expect(mail.html).toContain(`<div dir="auto">${escaped}</div>`);
    expect(mail.html).not.toContain("<script");
  });

  it.each([
    "Your seat is lost: https://evil.example/login",
    "Call WWW.evil",
    "evil.example",
    "evil.\u200eexample",
    "evil\u3002example",
    "evil.भारत",
    "192.0.2.1/login",
    "help@evil",
    "Ada\tLovelace",
  ])("does not greet by the name %j, whose address nobody has confirmed", async (name) => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const user = post.world.peers.user({ name });
    await post.world.stream.publish(bookingEvent("booking.failed", post.world.peers.book(user.id)));
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
    const [{ mail }] = receivedBy(user.email) as [(typeof post.server.received)[0]];
    expect(mail.text).toContain("Hello,\n");
    expect(`${mail.text} ${mail.html} ${mail.headers.get("to")}`).not.toMatch(/evil|192\.0|Lovelace/i);
  });

  it.each(["Sammy Davis Jr.", "J. R. R. Tolkien", "J.R. Smith", "Anne-Marie O’Neill"])("greets %s", async (name) => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const user = post.world.peers.user({ name });
    await post.world.stream.publish(bookingEvent("booking.failed", post.world.peers.book(user.id)));
    await eventually(() =>
      expect(receivedBy(user.email)).toMatchObject([{ mail: { text: expect.stringContaining(`Hello ${name},`) } }]),
    );
  });

  it.each([
    "eve@example.com\r\nRCPT TO:<x@example.com>",
    "a@example.com,b@example.com",
    "<a@example.com>",
    "a@example.com>\r\nDATA",
    "Eve <a@example.com>",
    '"a b"@example.com',
    "nobody",
    "@example.com",
    `${"a".repeat(65)}@example.com`,
  ])("goes nowhere when the address is %j", async (email) => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const user = post.world.peers.user({ email });
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["dropped"]));
    expect(post.server.received).toEqual([]);
  });

  it("is not sent to guests, whose address nobody knows, nor about what is over by now", async () => {
    await post.world.start();
    const guest = post.world.peers.book(post.world.peers.user({ email: null, role: "guest" }).id);
    const gone = post.world.peers.book("nobody");
    const over = post.world.peers.book(post.world.peers.user().id, { status: "cancelled" });
    for (const booking of [guest, gone, over])
      await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
    for (const { bookingId } of [guest, gone, over])
      await eventually(async () => expect(await statusesOf(bookingId)).toEqual(["dropped"]));
  });

  it("that a guest does not get costs one question, whatever the booking is like", async () => {
    await post.world.start();
    const guest = post.world.peers.user({ email: null, role: "guest" });
    const booking = post.world.peers.book(guest.id);
    post.world.peers.asked.length = 0;
    await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["dropped"]));
    expect(post.world.peers.asked).toEqual([USER_CARD.name]);
    await post.world.stream.publish(paymentFailed(booking, null)); // Does not say whose the booking is.
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["dropped", "dropped"]));
    expect(post.world.peers.asked).toEqual([USER_CARD.name, BOOKING.name, USER_CARD.name]);
  });

  it.each([
    ["booking.cancelled", ["Seats:    A4 (adult): €12.50", "A5 (adult): €12.50"]],
    ["booking.refunded", ["Refund:   €25.00"]],
  ] as const)("about a showtime that was deleted meanwhile says what is still known: %s", async (type, lines) => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    post.world.peers.deleted = true;
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id, { status: "cancelled", reason: "The showtime was cancelled." });
    await post.world.stream.publish(bookingEvent(type, booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    const [{ mail }] = receivedBy(user.email) as [(typeof post.server.received)[0]];
    expect(mail.headers.get("subject")).toContain("Metropolis");
    for (const said of [...lines, "The showtime was cancelled.", booking.bookingId]) expect(mail.text).toContain(said);
    expect(`${mail.text} ${mail.html}`).not.toMatch(/undefined|null|When|Hall/);
  });

  it("waits for the tickets", async () => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    post.world.clock.standStill(); // So that it is tried again when the test says so.
    post.world.peers.tickets = null;
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () =>
      expect((await post.world.rows(booking.bookingId))[0]).toMatchObject({
        attempts: 1,
        note: expect.stringMatching(/tickets/),
      }),
    );
    post.world.peers.tickets = Buffer.from("%PDF");
    post.world.clock.goForward(RETRY_FIRST_MS);
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
  });
});
