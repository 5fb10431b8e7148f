import { createServer, type Socket } from "node:net";
import type { SMTPServerOptions } from "smtp-server";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../../platform/clock/index.ts";
import { eventually } from "../../../../platform/testing/eventually.ts";
import { portOf } from "../../../../platform/testing/port-of.ts";
import { fail, smtpError } from "../../testing/mail-server.ts";
import { usePostOffice } from "../../testing/post-office.ts";
import { bookingEvent } from "../../testing/world.ts";
import { GIVE_UP_AFTER_MS, RETRY_FIRST_MS, SEND_DEADLINE_MS, UNREACHABLE_MAX_MS } from "../limits.ts";
import type { Mail } from "./mail-transport.ts";
import { SmtpTransport } from "./smtp-transport.ts";

const post = usePostOffice();
const { smtpUrl, receivedBy, statusesOf, allStatuses } = post;

const mailTo = (address: string): Mail => ({
  id: "mail_1",
  date: new Date(),
  to: { name: "", address },
  language: "en-GB",
  subject: "Metropolis",
  text: "Hello",
  html: "<p>Hello</p>",
  attachments: [],
});

describe("a mail server", () => {
  it("that is down for an hour gets every mail once, as soon as it is back", async () => {
    await post.server.start();
    const url = smtpUrl();
    await post.server.stop();
    await post.world.start({ smtpUrl: url });
    const user = post.world.peers.user();
    const bookings = Array.from({ length: 12 }, () => post.world.peers.book(user.id));
    for (const booking of bookings) await post.world.stream.publish(bookingEvent("booking.refunded", booking));
    for (let minute = 0; minute < 60; minute += 20) {
      await eventually(async () => {
        const { rows } = await post.world.pool.query("select note from notifications.mail where note is not null");
        expect(rows.length).toBeGreaterThan(0);
      });
      post.world.clock.goForward(20 * 60_000);
      await post.world.pool.query("update notifications.mail set note = null");
    }
    await post.server.start();
    post.world.clock.goForward(UNREACHABLE_MAX_MS);
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(12));
    await eventually(async () => expect(await allStatuses()).toEqual(["sent"]));
    const ids = receivedBy(user.email).map(({ mail }) => mail.headers.get("message-id"));
    expect(new Set(ids).size).toBe(12);
  });

  it("that says later gets it later, and other mails meanwhile", async () => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const [greylisted, other] = [post.world.peers.user(), post.world.peers.user()];
    post.server.onRecipient = (address) => {
      if (address === greylisted.email) throw smtpError(450, "4.7.1 Greylisted, try again");
    };
    const booking = post.world.peers.book(greylisted.id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await post.world.stream.publish(bookingEvent("booking.expired", post.world.peers.book(other.id)));
    await eventually(() => expect(receivedBy(other.email)).toHaveLength(1));
    expect((await post.world.rows(booking.bookingId))[0]).toMatchObject({ status: "queued" });
    post.server.onRecipient = () => {};
    post.world.clock.goForward(RETRY_FIRST_MS);
    await eventually(() => expect(receivedBy(greylisted.email)).toHaveLength(1));
  });

  it.each([
    ["the address", 550, (error: Error) => (post.server.onRecipient = () => fail(error))],
    ["the mail", 554, (error: Error) => (post.server.onData = () => fail(error))],
  ])(
    "that refuses %s for good is not asked again, until somebody replays the dead letter",
    async (_what, code, refuse) => {
      await post.server.start();
      await post.world.start({ smtpUrl: smtpUrl() });
      const user = post.world.peers.user();
      refuse(smtpError(code, `5.1.1 <${user.email}>: no such user here`));
      const booking = post.world.peers.book(user.id);
      const event = bookingEvent("booking.refunded", booking);
      await post.world.stream.publish(event);
      await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["failed"]));
      const [row] = await post.world.rows(booking.bookingId);
      expect(row).toMatchObject({ attempts: 1, note: expect.stringContaining("no such user") });
      const [letter] = await post.world.deadLetters.list({ limit: 1 });
      expect(letter).toMatchObject({
        consumer: "notifications",
        event,
        error: expect.stringContaining("no such user"),
      });
      expect(`${row!.note} ${letter!.error}`).not.toContain(user.email);

      const { connections } = post.server;
      post.world.clock.goForward(GIVE_UP_AFTER_MS - 1);
      await post.world.stream.publish(
        bookingEvent("booking.expired", post.world.peers.book(post.world.peers.user({ email: null }).id)),
      );
      await eventually(async () => expect((await allStatuses()).sort()).toEqual(["dropped", "failed"]));
      expect(post.server.connections).toBe(connections);

      post.server.onRecipient = () => {};
      post.server.onData = () => {};
      await post.world.deadLetters.replay([letter!.id]);
      await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
      await eventually(async () => expect(await post.world.deadLetters.count()).toBe(0));
    },
  );

  it.each([
    ["in small letters", "Ada.Lovelace@Example.COM", "ada.lovelace@example.com"],
    ["as nodemailer writes its domain", "Ada.Lovelace@Example.COM", "Ada.Lovelace@example.com"],
    ["with a domain in punycode", "Ada.Lovelace@B\u00fccher.example", "Ada.Lovelace@xn--bcher-kva.example"],
    ["in quotes", "Ada.Lovelace@example.com", '"Ada.Lovelace"@example.com'],
    ["as that of the mailbox behind it", "tickets-for-ada@example.com", "ada.lovelace@mail.internal"],
  ])("that repeats an address %s has it kept nowhere", async (_how, address, repeated) => {
    await post.server.start();
    post.server.onRecipient = () =>
      fail(smtpError(550, `5.1.1 <${repeated}>: ${repeated}: no such user <mailto:${repeated}>`));
    const transport = new SmtpTransport({ url: smtpUrl(), from: "tickets@usher.example", clock: new VirtualClock() });
    const refused = await transport.send(mailTo(address)).then(
      () => "taken",
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ name: "MailRefused", message: expect.stringContaining("no such user") });
    expect(String(refused)).not.toMatch(/lovelace|example\.|internal/i);
  });

  it("that refuses the sender is quoted with it, since that is a setting", async () => {
    const refusal = smtpError(550, "5.1.8 <Tickets@usher.example>: Sender address rejected");
    await post.server.start({ onMailFrom: (_address, _session, callback) => callback(refusal) });
    const transport = new SmtpTransport({ url: smtpUrl(), from: "Tickets@Usher.example", clock: new VirtualClock() });
    await expect(transport.send(mailTo("ada@example.com"))).rejects.toMatchObject({
      name: "TransportUnreachable",
      message: expect.stringContaining("<Tickets@usher.example>"),
    });
  });

  it("that takes no mail to its end is left after a while, so that others are sent", async () => {
    await post.server.start();
    const clock = new VirtualClock(); // The service's rings in real time, and two minutes are long.
    const transport = new SmtpTransport({ url: smtpUrl(), from: "tickets@usher.example", clock });
    const isStuck = new Promise<void>((go) => {
      post.server.onData = () => {
        go();
        return new Promise(() => {});
      };
    });
    const outcomes: unknown[] = [];
    const sending = transport.send(mailTo("ada@example.com")).catch((error: unknown) => outcomes.push(error));
    await isStuck;
    await clock.advance(SEND_DEADLINE_MS - 1);
    expect(outcomes).toEqual([]);
    await clock.advance(1);
    await sending;
    expect(outcomes).toMatchObject([{ name: "Error", message: "the mail server took too long" }]);
    post.server.onData = () => {};
    await transport.send(mailTo("bob@example.com"));
    expect(receivedBy("bob@example.com")).toHaveLength(1);
  });

  it("that is slow is not waited for at a stop", async () => {
    await post.server.start();
    const service = await post.world.start({ smtpUrl: smtpUrl() });
    let release: () => void = () => {};
    post.server.onData = () => new Promise((go) => (release = go));
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(() => expect(post.server.connections).toBe(1));
    await service.stop();
    expect(await statusesOf(booking.bookingId)).toEqual(["queued"]);
    release();
  });

  it.each([
    ["greets nobody", () => {}],
    ["speaks no SMTP", (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ])("that %s loses nothing", async (_what, welcome) => {
    const stranger = createServer((socket) => {
      socket.on("error", () => {});
      welcome(socket);
    });
    await new Promise<void>((listening) => stranger.listen(0, "127.0.0.1", listening));
    await post.world.start({ smtpUrl: `smtp://127.0.0.1:${portOf(stranger)}?greetingTimeout=200` });
    const booking = post.world.peers.book(post.world.peers.user().id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await post.putOff(booking.bookingId);
    await new Promise((closed) => stranger.close(closed));
  });

  it("that offers TLS is spoken to in secret, where its certificate is trusted or need not be", async () => {
    await post.server.start({ disabledCommands: [] });
    await post.world.start({ smtpUrl: smtpUrl("?tls.rejectUnauthorized=false") });
    const user = post.world.peers.user();
    await post.world.stream.publish(bookingEvent("booking.expired", post.world.peers.book(user.id)));
    await eventually(() => expect(receivedBy(user.email)).toMatchObject([{ secure: true }]));
  });

  it("whose certificate nobody vouches for gets nothing", async () => {
    await post.server.start({ disabledCommands: [] });
    await post.world.start({ smtpUrl: smtpUrl() });
    const booking = post.world.peers.book(post.world.peers.user().id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await post.putOff(booking.bookingId);
    expect(post.server.received).toEqual([]);
  });

  it.each([
    ["a wrong one", "wrong"],
    ["none, as where a variable is empty", ""],
  ])(
    "that wants a password, and gets %s, has every mail once the settings are right, whatever is in them",
    async (_what, before) => {
      await post.server.start({
        authOptional: false,
        allowInsecureAuth: true,
        onAuth: ({ username, password }, _session, callback) =>
          password === "p@ss:w/rd" ? callback(null, { user: username }) : callback(smtpError(535, "no")),
      });
      const withPassword = (password: string) =>
        smtpUrl().replace("//", `//ada%40example.com:${encodeURIComponent(password)}@`);
      const wrong = await post.world.start({ smtpUrl: withPassword(before) });
      const user = post.world.peers.user();
      const booking = post.world.peers.book(user.id);
      await post.world.stream.publish(bookingEvent("booking.expired", booking));
      await post.putOff(booking.bookingId);
      await wrong.stop();
      await post.world.start({ smtpUrl: withPassword("p@ss:w/rd") });
      post.world.clock.goForward(UNREACHABLE_MAX_MS);
      await eventually(() => expect(receivedBy(user.email)).toMatchObject([{ user: "ada@example.com" }]));
    },
  );

  it("that is elsewhere in the network is told no password where it offers no TLS, unless the settings say so", async () => {
    const passwords: unknown[] = [];
    const options: SMTPServerOptions = {
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, callback) => {
        passwords.push(password);
        callback(null, { user: username });
      },
    };
    await post.server.start(options, "127.0.0.2"); // Which is no name of this machine to whoever reads the settings.
    const url = smtpUrl().replace("127.0.0.1", "ada:secret@127.0.0.2");
    const strict = await post.world.start({ smtpUrl: url });
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await post.putOff(booking.bookingId);
    expect([passwords, post.server.received]).toEqual([[], []]);
    await strict.stop();
    await post.world.start({ smtpUrl: `${url}?requireTLS=false` });
    post.world.clock.goForward(UNREACHABLE_MAX_MS);
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
    expect(passwords).toEqual(["secret"]);
  });

  it("that stays away for days leaves a dead letter", async () => {
    await post.server.start();
    const url = smtpUrl();
    await post.server.stop();
    await post.world.start({ smtpUrl: url });
    const booking = post.world.peers.book(post.world.peers.user().id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () =>
      expect((await post.world.rows(booking.bookingId))[0]).toMatchObject({ note: expect.stringMatching(/./) }),
    );
    post.world.clock.goForward(GIVE_UP_AFTER_MS);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["failed"]));
  });
});
