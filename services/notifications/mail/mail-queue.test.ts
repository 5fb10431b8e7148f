import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { eventually } from "../../../platform/testing/eventually.ts";
import { rowsRead, watchedDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { fail, smtpError } from "../testing/mail-server.ts";
import { usePostOffice } from "../testing/post-office.ts";
import { bookingEvent, paymentFailed, userDeleted } from "../testing/world.ts";
import {
  MAIL_LEASE_MS,
  MAILS_AT_ONCE,
  MAILS_KEPT_MS,
  PRUNE_ROWS_MAX,
  RETRY_FIRST_MS,
  UNPAID_MAILS_OF_ADDRESS,
} from "./limits.ts";
import { type MailTables, NOTIFICATIONS_SCHEMA } from "./tables.ts";
import { MailQueue } from "./mail-queue.ts";

const post = usePostOffice();
const { smtpUrl, receivedBy, statusesOf, putOff, allStatuses } = post;

describe("the queue", () => {
  it("makes one mail of an event that comes often, however many processes there are", async () => {
    await post.server.start();
    await Promise.all([1, 2, 3].map(() => post.world.start({ smtpUrl: smtpUrl() })));
    const user = post.world.peers.user();
    const events = Array.from({ length: 30 }, () => bookingEvent("booking.refunded", post.world.peers.book(user.id)));
    await Promise.all(events.flatMap((event) => [1, 2, 3].map(() => post.world.stream.publish(event))));
    await eventually(async () => expect(await allStatuses()).toEqual(["sent"]));
    expect(receivedBy(user.email)).toHaveLength(30);
  });

  it("sends tickets before all else, however long the rest has waited", async () => {
    const { pool, clock, peers } = post.world;
    const waiting = Array.from({ length: 50 }, () => bookingEvent("booking.expired", peers.book(peers.user().id)));
    const buyer = peers.user();
    const events = [...waiting, bookingEvent("booking.confirmed", peers.book(buyer.id))];
    await pool.query(
      `insert into notifications.mail (id, event_id, event, status, created_at, due_at)
        select 'ml_' || number, event ->> 'id', event, 'queued', $2, $2::timestamptz + number * interval '1 millisecond'
        from json_array_elements($1) with ordinality as queued (event, number)`,
      [JSON.stringify(events), new Date(clock.now() - 60_000)],
    );
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    await eventually(async () => expect(await allStatuses()).toEqual(["sent"]));
    const first = post.server.received.slice(0, MAILS_AT_ONCE).flatMap(({ to }) => to);
    expect(first).toContain(buyer.email);
  });

  it("has an index for its order", async () => {
    const { pool, clock } = post.world;
    await pool.query(
      `insert into notifications.mail (id, event_id, event, status, created_at, due_at)
        select 'ml_' || n, 'many_' || n, '{"type":"booking.expired"}'::json, 'queued', $1, $1 from generate_series(1, 20000) n`,
      [new Date(clock.now())],
    );
    await pool.query("analyze notifications.mail");
    const { db, asked } = watchedDatabase<MailTables>(pool);
    const queue = new MailQueue({ db: db.withSchema(NOTIFICATIONS_SCHEMA), clock, random: systemRandom });
    expect(await queue.take(MAILS_AT_ONCE)).toHaveLength(MAILS_AT_ONCE);
    expect(asked).toHaveLength(1);
    for (const query of asked) expect(await rowsRead(pool, "mail", query)).toBeLessThan(100);
  });

  it("tells an address of so many unpaid bookings and no more, and of all that was paid", async () => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const victim = post.world.peers.user();
    const other = post.world.peers.user();
    const { max, windowMs } = UNPAID_MAILS_OF_ADDRESS;
    const cancelled = (userId: string, paid: boolean) =>
      bookingEvent("booking.cancelled", post.world.peers.book(userId, { status: "cancelled" }), { paid });
    for (let round = 0; round < 50; round++) {
      await post.world.stream.publish(cancelled(victim.id, false));
      await post.world.stream.publish(paymentFailed(post.world.peers.book(victim.id), "Card declined."));
    }
    await eventually(async () => expect((await allStatuses()).toSorted()).toEqual(["dropped", "sent"]));
    expect(receivedBy(victim.email)).toHaveLength(max);

    // An account that was opened anew has the same address.
    const again = post.world.peers.user({ email: victim.email?.toUpperCase() ?? null });
    await post.world.stream.publish(cancelled(again.id, false));
    await post.world.stream.publish(cancelled(other.id, false));
    const paid = post.world.peers.book(victim.id);
    await post.world.stream.publish(bookingEvent("booking.confirmed", paid));
    await post.world.stream.publish(bookingEvent("booking.refunded", paid));
    await post.world.stream.publish(cancelled(victim.id, true));
    await eventually(() => expect(receivedBy(other.email)).toHaveLength(1));
    await eventually(() => expect(receivedBy(victim.email)).toHaveLength(max + 3));
    expect(receivedBy(again.email)).toEqual([]);

    post.world.clock.goForward(windowMs);
    await post.world.stream.publish(cancelled(victim.id, false));
    await eventually(() => expect(receivedBy(victim.email)).toHaveLength(max + 4));
  });

  it("tells a mailbox no more under other names of it", async () => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    const { max } = UNPAID_MAILS_OF_ADDRESS;
    const names = ["victim@\uff45xample.com", ...Array.from({ length: max }, (_, at) => `victim+${at}@example.com`)];
    const users = names.map((email) => post.world.peers.user({ email }));
    for (const { id } of users)
      await post.world.stream.publish(bookingEvent("booking.expired", post.world.peers.book(id)));
    await eventually(async () => expect((await allStatuses()).toSorted()).toEqual(["dropped", "sent"]));
    expect(post.server.received).toHaveLength(max);
  });

  it.each([
    ["its peers are away", () => post.world.peers.close(), () => post.world.peers.serve(post.world.bus)],
    [
      "the server puts it off",
      () => (post.server.onRecipient = () => fail(smtpError(450, "4.7.1 Greylisted, try again"))),
      () => (post.server.onRecipient = () => {}),
    ],
  ])(
    "tells an address of so many, no more and no fewer, when each is tried in vain at first: %s",
    async (_why, begin, end) => {
      await post.server.start();
      await post.world.start({ smtpUrl: smtpUrl() });
      const victim = post.world.peers.user();
      const { max } = UNPAID_MAILS_OF_ADDRESS;
      const bookings = Array.from({ length: 3 * max }, () => post.world.peers.book(victim.id, { status: "cancelled" }));
      begin();
      for (const booking of bookings)
        await post.world.stream.publish(bookingEvent("booking.cancelled", booking, { paid: false }));
      for (const { bookingId } of bookings) await putOff(bookingId);
      end();
      post.world.clock.goForward(RETRY_FIRST_MS);
      await eventually(async () => expect((await allStatuses()).toSorted()).toEqual(["dropped", "sent"]));
      expect(receivedBy(victim.email)).toHaveLength(max);
    },
  );

  it.each([
    ["is full", smtpError(452, "4.2.2 Mailbox full")],
    ["is not there", smtpError(550, "5.1.1 No such user here")],
  ])("alarms nobody of a mailbox that %s", async (_why, refusal) => {
    const told: { mail?: string; level: number }[] = [];
    await post.server.start();
    post.server.onRecipient = () => fail(refusal);
    const log = pino({}, { write: (line: string) => void told.push(JSON.parse(line)) });
    await post.world.start({ smtpUrl: smtpUrl() }, undefined, log);
    const booking = post.world.peers.book(post.world.peers.user().id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(async () =>
      expect((await post.world.rows(booking.bookingId))[0]?.note).toEqual(expect.any(String)),
    );
    const levels = new Set(told.filter(({ mail }) => mail !== undefined).map(({ level }) => level));
    expect([...levels].filter((level) => level > 30)).toEqual([]);
    expect(await post.world.deadLetters.count()).toBe(0);
  });

  it("sends what a process that was killed had taken, under the same Message-ID", async () => {
    await post.server.start();
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    const dying = await post.world.start({ smtpUrl: smtpUrl() });
    // It is killed after the server has taken the mail, and before it could write that down.
    await post.world.pool.query(`create function die() returns trigger language plpgsql as
      $$ begin raise exception 'killed'; end $$`);
    await post.world.pool.query(`create trigger die before update of status on notifications.mail
      for each row when (new.status = 'sent') execute function die()`);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await eventually(() => expect(receivedBy(user.email)).toHaveLength(1));
    await dying.stop();
    await post.world.pool.query("update notifications.mail set due_at = $1", [
      new Date(post.world.clock.now() + MAIL_LEASE_MS),
    ]);
    await post.world.pool.query("drop function die cascade");
    await post.world.start({ smtpUrl: smtpUrl() });
    expect(await statusesOf(booking.bookingId)).toEqual(["queued"]);
    post.world.clock.goForward(MAIL_LEASE_MS);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    const ids = receivedBy(user.email).map(({ mail }) => mail.headers.get("message-id"));
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it("sends a dead letter's mail though the inbox has forgotten the event", async () => {
    await post.server.start();
    await post.world.start({ smtpUrl: smtpUrl() });
    post.server.onRecipient = () => fail(smtpError(550, "5.1.1 No such user here"));
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.refunded", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["failed"]));
    await post.world.pool.query("delete from notifications.inbox");
    post.server.onRecipient = () => {};
    const [letter] = await post.world.deadLetters.list({ limit: 1 });
    await post.world.deadLetters.replay([letter!.id]);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    expect(receivedBy(user.email)).toHaveLength(1);
  });

  it("deletes what was finished long ago, however much it is", async () => {
    await post.world.pool.query(
      `insert into notifications.mail (id, event_id, event, status, created_at, due_at, finished_at)
        select 'ml_' || n, 'old_' || n, '{}'::json, 'sent', $1, $1, $1 from generate_series(1, $2::integer) n`,
      [new Date(post.world.clock.now() - MAILS_KEPT_MS - 60_000), 2 * PRUNE_ROWS_MAX + 1],
    );
    await post.world.start();
    await eventually(async () => expect(await allStatuses()).toEqual([]));
  });

  it("deletes what could not be sent once its dead letter was discarded, and never before", async () => {
    const { pool, clock, deadLetters, peers } = post.world;
    await post.server.start();
    post.server.onRecipient = () => fail(smtpError(550, "5.1.1 No such user here"));
    const before = await post.world.start({ smtpUrl: smtpUrl() });
    const [discarded, recent, kept] = Array.from({ length: 3 }, () => peers.book(peers.user().id));
    for (const booking of [discarded, recent, kept])
      await post.world.stream.publish(bookingEvent("booking.refunded", booking!));
    for (const booking of [discarded, recent, kept])
      await eventually(async () => expect(await statusesOf(booking!.bookingId)).toEqual(["failed"]));
    for (const { id, event } of await deadLetters.list({ limit: 3 }))
      if (event.subject !== kept!.bookingId) await deadLetters.discard(id);
    await before.stop();
    clock.goForward(MAILS_KEPT_MS + 60_000);
    await pool.query("update notifications.mail set finished_at = $1 where event ->> 'subject' = $2", [
      new Date(clock.now() - MAILS_KEPT_MS + 600_000),
      recent!.bookingId,
    ]);
    // More than are looked at in one go have to stay, and come first.
    await pool.query(
      `with stays as (
         insert into notifications.mail (id, event_id, event, status, created_at, due_at, finished_at)
         select '0' || n, 'stays_' || n, '{}', 'failed', $1, $1, $1 from generate_series(1, $2::integer) n returning event_id)
       insert into events.dead_letter (consumer, event_id, event, error, attempts, failed_at)
       select 'notifications', event_id, '{}', '', 1, $1 from stays`,
      [new Date(clock.now() - MAILS_KEPT_MS - 60_000), PRUNE_ROWS_MAX],
    );

    await post.world.start({ smtpUrl: smtpUrl() });
    await eventually(async () => expect(await post.world.rows(discarded!.bookingId)).toEqual([]));
    expect(await statusesOf(recent!.bookingId)).toEqual(["failed"]);
    const { rows } = await pool.query("select from notifications.mail where event_id like 'stays%'");
    expect(rows).toHaveLength(PRUNE_ROWS_MAX);
    post.server.onRecipient = () => {};
    const letters = await deadLetters.list({ limit: PRUNE_ROWS_MAX + 1 });
    await deadLetters.replay(letters.filter(({ event }) => event.subject === kept!.bookingId).map(({ id }) => id));
    await eventually(async () => expect(await statusesOf(kept!.bookingId)).toEqual(["sent"]));
  });

  it("forgets the mails of somebody whose account is deleted", async () => {
    await post.server.start();
    const url = smtpUrl();
    await post.server.stop();
    await post.world.start({ smtpUrl: url });
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await post.world.stream.publish(paymentFailed(booking, "Card declined."));
    await eventually(async () =>
      expect((await post.world.rows(booking.bookingId)).map(({ user_id }) => user_id)).toEqual([user.id, user.id]),
    );
    await post.world.stream.publish(userDeleted(user.id));
    expect(await post.world.rows(booking.bookingId)).toEqual([]);
  });
});
