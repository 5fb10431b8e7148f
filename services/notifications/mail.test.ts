import { createServer, type Socket } from "node:net";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../platform/testing/eventually.ts";
import { portOf } from "../../platform/testing/port-of.ts";
import {
  GIVE_UP_AFTER_MS,
  MAIL_LEASE_MS,
  MAILS_KEPT_MS,
  PRUNE_ROWS_MAX,
  RETRY_FIRST_MS,
  UNREACHABLE_MAX_MS,
} from "./limits.ts";
import { BOOKING, USER_CARD } from "../../proto/services/index.ts";
import { MAILED_EVENTS } from "./letters/index.ts";
import { MailServer, smtpError } from "./testing/mail-server.ts";
import {
  bookingEvent,
  paymentFailed,
  testNotifications,
  type TestNotifications,
  userDeleted,
} from "./testing/world.ts";

let world: TestNotifications;
let server: MailServer;

beforeAll(async () => {
  world = await testNotifications();
});
beforeEach(() => {
  server = new MailServer();
  world.peers.deleted = false;
  world.peers.tickets = Buffer.from("%PDF-1.7 the tickets");
});
afterEach(async () => {
  await world.stopAll();
  await server.stop();
  await world.pool.query("truncate notifications.mail, events.dead_letter");
});
afterAll(() => world.close());

const smtpUrl = (more = "") => `smtp://127.0.0.1:${server.port}/${more}`;
/** Mails to this user, in the order of their arrival. */
const receivedBy = (address: string | null) => server.received.filter(({ to }) => to.some((each) => each === address));
const statusesOf = async (bookingId: string) => (await world.rows(bookingId)).map(({ status }) => status);

describe("a mail", () => {
  it("about a confirmed booking brings its tickets", async () => {
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
    const [{ from, mail }] = receivedBy(user.email) as [(typeof server.received)[0]];
    expect(from).toBe("tickets@usher.example");
    expect(mail.headers.get("from")).toBe("tickets@usher.example");
    expect(mail.headers.get("to")).toBe(`Ada Lovelace <${user.email}>`);
    expect(mail.headers.get("subject")).toBe("Your tickets for Metropolis");
    expect(mail.headers.get("auto-submitted")).toBe("auto-generated");
    const [row] = await world.rows(booking.bookingId);
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
    await world.start();
    const user = world.peers.user({ language });
    const bookingId = `bk_${language}`;
    const booking = world.peers.book(user.id, { bookingId, reason: "The showtime was cancelled." });
    for (const type of MAILED_EVENTS)
      await world.stream.publish(
        type === "payment.failed" ? paymentFailed(booking, "Card declined.") : bookingEvent(type, booking),
      );
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(MAILED_EVENTS.map(() => "sent")));
    const mails = world.files().filter(({ headers }) => headers.get("to")?.includes(`<${user.email}>`));
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
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    const { showtime } = world.peers;
    world.peers.showtime = { ...showtime, title: given, hallName: given, cinemaName: given };
    const user = world.peers.user({ name: given });
    await world.stream.publish(bookingEvent("booking.refunded", world.peers.book(user.id, { reason: given })));
    await eventually(() => expect(server.received).toHaveLength(1));
    world.peers.showtime = showtime;
    const [{ to, mail }] = server.received as [(typeof server.received)[0]];
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
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    const user = world.peers.user({ name });
    await world.stream.publish(bookingEvent("booking.failed", world.peers.book(user.id)));
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
    const [{ mail }] = receivedBy(user.email) as [(typeof server.received)[0]];
    expect(mail.text).toContain("Hello,\n");
    expect(`${mail.text} ${mail.html} ${mail.headers.get("to")}`).not.toMatch(/evil|192\.0|Lovelace/i);
  });

  it.each(["Sammy Davis Jr.", "J. R. R. Tolkien", "J.R. Smith", "Anne-Marie O’Neill"])("greets %s", async (name) => {
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    const user = world.peers.user({ name });
    await world.stream.publish(bookingEvent("booking.failed", world.peers.book(user.id)));
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
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    const user = world.peers.user({ email });
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["failed"]));
    expect(server.received).toEqual([]);
  });

  it("is not sent to guests, whose address nobody knows, nor about what is over by now", async () => {
    await world.start();
    const guest = world.peers.book(world.peers.user({ email: null, role: "guest" }).id);
    const gone = world.peers.book("nobody");
    const over = world.peers.book(world.peers.user().id, { status: "cancelled" });
    for (const booking of [guest, gone, over]) await world.stream.publish(bookingEvent("booking.confirmed", booking));
    for (const { bookingId } of [guest, gone, over])
      await eventually(async () => expect(await statusesOf(bookingId)).toEqual(["dropped"]));
  });

  it("that a guest does not get costs one question, whatever the booking is like", async () => {
    await world.start();
    const guest = world.peers.user({ email: null, role: "guest" });
    const booking = world.peers.book(guest.id);
    world.peers.asked.length = 0;
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["dropped"]));
    expect(world.peers.asked).toEqual([USER_CARD.name]);
    await world.stream.publish(paymentFailed(booking, null)); // Does not say whose the booking is.
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["dropped", "dropped"]));
    expect(world.peers.asked).toEqual([USER_CARD.name, BOOKING.name, USER_CARD.name]);
  });

  it.each([
    ["booking.cancelled", ["Seats:    A4 (adult): €12.50", "A5 (adult): €12.50"]],
    ["booking.refunded", ["Refund:   €25.00"]],
  ] as const)("about a showtime that was deleted meanwhile says what is still known: %s", async (type, lines) => {
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    world.peers.deleted = true;
    const user = world.peers.user();
    const booking = world.peers.book(user.id, { status: "cancelled", reason: "The showtime was cancelled." });
    await world.stream.publish(bookingEvent(type, booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    const [{ mail }] = receivedBy(user.email) as [(typeof server.received)[0]];
    expect(mail.headers.get("subject")).toContain("Metropolis");
    for (const said of [...lines, "The showtime was cancelled.", booking.bookingId]) expect(mail.text).toContain(said);
    expect(`${mail.text} ${mail.html}`).not.toMatch(/undefined|null|When|Hall/);
  });

  it("waits for the tickets", async () => {
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    world.peers.tickets = null;
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () =>
      expect((await world.rows(booking.bookingId))[0]).toMatchObject({
        attempts: 1,
        note: expect.stringMatching(/tickets/),
      }),
    );
    world.peers.tickets = Buffer.from("%PDF");
    world.clock.goForward(RETRY_FIRST_MS);
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
  });
});

describe("a mail server", () => {
  it("that is down for an hour gets every mail once, as soon as it is back", async () => {
    await server.start();
    const url = smtpUrl();
    await server.stop();
    await world.start({ smtpUrl: url });
    const user = world.peers.user();
    const bookings = Array.from({ length: 12 }, () => world.peers.book(user.id));
    for (const booking of bookings) await world.stream.publish(bookingEvent("booking.expired", booking));
    for (let minute = 0; minute < 60; minute += 20) {
      await eventually(async () => {
        const { rows } = await world.pool.query("select note from notifications.mail where note is not null");
        expect(rows.length).toBeGreaterThan(0);
      });
      world.clock.goForward(20 * 60_000);
      await world.pool.query("update notifications.mail set note = null");
    }
    await server.start();
    world.clock.goForward(UNREACHABLE_MAX_MS);
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(12));
    await eventually(async () => expect(await allStatuses()).toEqual(["sent"]));
    const ids = receivedBy(user.email).map(({ mail }) => mail.headers.get("message-id"));
    expect(new Set(ids).size).toBe(12);
  });

  it("that says later gets it later, and other mails meanwhile", async () => {
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    const [greylisted, other] = [world.peers.user(), world.peers.user()];
    server.onRecipient = (address) => {
      if (address === greylisted.email) throw smtpError(450, "4.7.1 Greylisted, try again");
    };
    const booking = world.peers.book(greylisted.id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await world.stream.publish(bookingEvent("booking.expired", world.peers.book(other.id)));
    await eventually(() => expect(receivedBy(other.email)).toHaveLength(1));
    expect((await world.rows(booking.bookingId))[0]).toMatchObject({ status: "queued" });
    server.onRecipient = () => {};
    world.clock.goForward(RETRY_FIRST_MS);
    await eventually(() => expect(receivedBy(greylisted.email)).toHaveLength(1));
  });

  it.each([
    ["the address", 550, (error: Error) => (server.onRecipient = () => fail(error))],
    ["the mail", 554, (error: Error) => (server.onData = () => fail(error))],
  ])(
    "that refuses %s for good is not asked again, until somebody replays the dead letter",
    async (_what, code, refuse) => {
      await server.start();
      await world.start({ smtpUrl: smtpUrl() });
      const user = world.peers.user();
      refuse(smtpError(code, `5.1.1 <${user.email}>: no such user here`));
      const booking = world.peers.book(user.id);
      const event = bookingEvent("booking.expired", booking);
      await world.stream.publish(event);
      await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["failed"]));
      const [row] = await world.rows(booking.bookingId);
      expect(row).toMatchObject({ attempts: 1, note: expect.stringContaining("no such user") });
      const [letter] = await world.deadLetters.list({ limit: 1 });
      expect(letter).toMatchObject({
        consumer: "notifications",
        event,
        error: expect.stringContaining("no such user"),
      });
      expect(`${row!.note} ${letter!.error}`).not.toContain(user.email);

      const { connections } = server;
      world.clock.goForward(GIVE_UP_AFTER_MS - 1);
      await world.stream.publish(
        bookingEvent("booking.expired", world.peers.book(world.peers.user({ email: null }).id)),
      );
      await eventually(async () => expect((await allStatuses()).sort()).toEqual(["dropped", "failed"]));
      expect(server.connections).toBe(connections);

      server.onRecipient = () => {};
      server.onData = () => {};
      await world.deadLetters.replay([letter!.id]);
      await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
      await eventually(async () => expect(await world.deadLetters.count()).toBe(0));
    },
  );

  it("that is slow holds nobody else's mail up for ever, and a stop does not wait for it", async () => {
    await server.start();
    const service = await world.start({ smtpUrl: smtpUrl() });
    let release: () => void = () => {};
    server.onData = () => new Promise((go) => (release = go));
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(() => expect(server.connections).toBe(1));
    await service.stop();
    expect(await statusesOf(booking.bookingId)).toEqual(["queued"]);
    release();
  });

  it("that greets nobody, or speaks no SMTP, loses nothing", async () => {
    const sockets: Socket[] = [];
    const nonsense = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await new Promise<void>((listening) => nonsense.listen(0, "127.0.0.1", listening));
    const port = portOf(nonsense);
    await world.start({ smtpUrl: `smtp://127.0.0.1:${port}` });
    const booking = world.peers.book(world.peers.user().id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () =>
      expect((await world.rows(booking.bookingId))[0]).toMatchObject({
        status: "queued",
        note: expect.stringMatching(/./),
      }),
    );
    await new Promise((closed) => nonsense.close(closed));
  });

  it("that offers TLS is spoken to in secret, where its certificate is trusted or need not be", async () => {
    await server.start({ disabledCommands: [] });
    await world.start({ smtpUrl: smtpUrl("?tls.rejectUnauthorized=false") });
    const user = world.peers.user();
    await world.stream.publish(bookingEvent("booking.expired", world.peers.book(user.id)));
    await eventually(() => expect(receivedBy(user.email)).toMatchObject([{ secure: true }]));
  });

  it("whose certificate nobody vouches for gets nothing", async () => {
    await server.start({ disabledCommands: [] });
    await world.start({ smtpUrl: smtpUrl() });
    const booking = world.peers.book(world.peers.user().id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () =>
      expect((await world.rows(booking.bookingId))[0]).toMatchObject({
        status: "queued",
        note: expect.stringMatching(/./),
      }),
    );
    expect(server.received).toEqual([]);
  });

  it("that wants a password gets the one of the settings, whatever is in it", async () => {
    await server.start({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, callback) =>
        password === "p@ss:w/rd" ? callback(null, { user: username }) : callback(smtpError(535, "no")),
    });
    const withPassword = (password: string) =>
      smtpUrl().replace("//", `//ada%40example.com:${encodeURIComponent(password)}@`);
    const wrong = await world.start({ smtpUrl: withPassword("wrong") });
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () =>
      expect((await world.rows(booking.bookingId))[0]).toMatchObject({
        status: "queued",
        note: expect.stringMatching(/./),
      }),
    );
    await wrong.stop();
    await world.start({ smtpUrl: withPassword("p@ss:w/rd") });
    world.clock.goForward(UNREACHABLE_MAX_MS);
    await eventually(() => expect(receivedBy(user.email)).toMatchObject([{ user: "ada@example.com" }]));
  });

  it("that stays away for days leaves a dead letter", async () => {
    await server.start();
    const url = smtpUrl();
    await server.stop();
    await world.start({ smtpUrl: url });
    const booking = world.peers.book(world.peers.user().id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () =>
      expect((await world.rows(booking.bookingId))[0]).toMatchObject({ note: expect.stringMatching(/./) }),
    );
    world.clock.goForward(GIVE_UP_AFTER_MS);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["failed"]));
  });
});

describe("the queue", () => {
  it("makes one mail of an event that comes often, however many processes there are", async () => {
    await server.start();
    await Promise.all([1, 2, 3].map(() => world.start({ smtpUrl: smtpUrl() })));
    const user = world.peers.user();
    const events = Array.from({ length: 30 }, () => bookingEvent("booking.expired", world.peers.book(user.id)));
    await Promise.all(events.flatMap((event) => [1, 2, 3].map(() => world.stream.publish(event))));
    await eventually(async () => expect(await allStatuses()).toEqual(["sent"]));
    expect(receivedBy(user.email)).toHaveLength(30);
  });

  it("sends what a process that was killed had taken, under the same Message-ID", async () => {
    await server.start();
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    const dying = await world.start({ smtpUrl: smtpUrl() });
    // It is killed after the server has taken the mail, and before it could write that down.
    await world.pool.query(`create function die() returns trigger language plpgsql as
      $$ begin raise exception 'killed'; end $$`);
    await world.pool.query(`create trigger die before update of status on notifications.mail
      for each row when (new.status = 'sent') execute function die()`);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
    await dying.stop();
    await world.pool.query("update notifications.mail set due_at = $1", [new Date(world.clock.now() + MAIL_LEASE_MS)]);
    await world.pool.query("drop function die cascade");
    await world.start({ smtpUrl: smtpUrl() });
    expect(await statusesOf(booking.bookingId)).toEqual(["queued"]);
    world.clock.goForward(MAIL_LEASE_MS);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    const ids = receivedBy(user.email).map(({ mail }) => mail.headers.get("message-id"));
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it("sends a dead letter's mail though the inbox has forgotten the event", async () => {
    await server.start();
    await world.start({ smtpUrl: smtpUrl() });
    server.onRecipient = () => fail(smtpError(550, "5.1.1 No such user here"));
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["failed"]));
    await world.pool.query("delete from notifications.inbox");
    server.onRecipient = () => {};
    const [letter] = await world.deadLetters.list({ limit: 1 });
    await world.deadLetters.replay([letter!.id]);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    expect(receivedBy(user.email)).toHaveLength(1);
  });

  it("deletes what was finished long ago, however much it is", async () => {
    await world.pool.query(
      `insert into notifications.mail (id, event_id, event, status, created_at, due_at, finished_at)
        select 'ml_' || n, 'old_' || n, '{}'::json, 'sent', $1, $1, $1 from generate_series(1, $2::integer) n`,
      [new Date(world.clock.now() - MAILS_KEPT_MS - 60_000), 2 * PRUNE_ROWS_MAX + 1],
    );
    await world.start();
    await eventually(async () => expect(await allStatuses()).toEqual([]));
  });

  it("forgets the mails of somebody whose account is deleted", async () => {
    await server.start();
    const url = smtpUrl();
    await server.stop();
    await world.start({ smtpUrl: url });
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await world.stream.publish(paymentFailed(booking, "Card declined."));
    await eventually(async () =>
      expect((await world.rows(booking.bookingId)).map(({ user_id }) => user_id)).toEqual([user.id, user.id]),
    );
    await world.stream.publish(userDeleted(user.id));
    expect(await world.rows(booking.bookingId)).toEqual([]);
  });
});

describe("files", () => {
  it("of mails that are too old to be kept are deleted, and no others", async () => {
    const folder = join(world.dataDir, "mail");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stamp = (at: number) => new Date(at).toISOString().replaceAll(/[-:.]/g, "");
    const at = world.clock.now() - MAILS_KEPT_MS;
    const [old, kept, strange] = [`${stamp(at - 60_000)}-ml_old.eml`, `${stamp(at + 600_000)}-ml_new.eml`, "1.eml"];
    for (const name of [old, kept, strange]) writeFileSync(join(folder, name), "");
    const service = await world.start();
    await eventually(() => expect(readdirSync(folder)).not.toContain(old));
    expect(readdirSync(folder)).toEqual(expect.arrayContaining([kept, strange]));
    await service.stop();
    for (const name of [kept, strange]) rmSync(join(folder, name));
  });

  it("hold a mail each, readable by their owner alone, and none that is half written", async () => {
    const service = await world.start();
    const user = world.peers.user();
    const booking = world.peers.book(user.id);
    await world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    const folder = join(world.dataDir, "mail");
    const [row] = await world.rows(booking.bookingId);
    const names = readdirSync(folder).filter((name) => name.includes(row!.id));
    expect(names).toEqual([expect.stringMatching(/^\d{8}T\d{9}Z-ml_[\w-]{22}\.eml$/)]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, names[0]!)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => !name.endsWith(".eml"))).toEqual([]);
    await world.pool.query("update notifications.mail set status = 'queued', due_at = now()");
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    expect(readdirSync(folder).filter((name) => name.includes(row!.id))).toEqual(names);
    await service.stop();
  });

  it("that cannot be written are written once they can", async () => {
    const dataDir = join(world.dataDir, "a-file");
    writeFileSync(dataDir, "in the way");
    const broken = await world.start({ dataDir });
    const booking = world.peers.book(world.peers.user().id);
    await world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () =>
      expect((await world.rows(booking.bookingId))[0]).toMatchObject({
        status: "queued",
        note: expect.stringMatching(/./),
      }),
    );
    await broken.stop();
    await world.start();
    world.clock.goForward(RETRY_FIRST_MS);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
  });
});

describe("news", () => {
  it("of a booking reach the buyer's connections at once, once, guests' too", async () => {
    await world.start();
    const booking = world.peers.book("guest", { status: "paying" });
    const { bookingId, userId, showtimeId, status, reason } = booking;
    const event = bookingEvent("booking.created", booking);
    await world.stream.publish(event);
    await world.stream.publish(event);
    await eventually(() => expect(world.news).toContainEqual({ userId, bookingId, showtimeId, status, reason }));
    expect(world.news.filter((one) => one.bookingId === bookingId)).toHaveLength(1);
    expect(await world.rows(bookingId)).toEqual([]);
  });
});

const fail = (error: Error): never => {
  throw error;
};

async function allStatuses(): Promise<string[]> {
  const { rows } = await world.pool.query<{ status: string }>("select distinct status from notifications.mail");
  return rows.map(({ status }) => status);
}
