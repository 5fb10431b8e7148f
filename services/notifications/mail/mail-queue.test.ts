import { describe, expect, it } from "vitest";
import { eventually } from "../../../platform/testing/eventually.ts";
import { MAIL_LEASE_MS, MAILS_KEPT_MS, PRUNE_ROWS_MAX } from "../limits.ts";
import { fail, smtpError } from "../testing/mail-server.ts";
import { usePostOffice } from "../testing/post-office.ts";
import { bookingEvent, paymentFailed, userDeleted } from "../testing/world.ts";

const post = usePostOffice();
const { smtpUrl, receivedBy, statusesOf, allStatuses } = post;

describe("the queue", () => {
  it("makes one mail of an event that comes often, however many processes there are", async () => {
    await post.server.start();
    await Promise.all([1, 2, 3].map(() => post.world.start({ smtpUrl: smtpUrl() })));
    const user = post.world.peers.user();
    const events = Array.from({ length: 30 }, () => bookingEvent("booking.expired", post.world.peers.book(user.id)));
    await Promise.all(events.flatMap((event) => [1, 2, 3].map(() => post.world.stream.publish(event))));
    await eventually(async () => expect(await allStatuses()).toEqual(["sent"]));
    expect(receivedBy(user.email)).toHaveLength(30);
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
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
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
