import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../../../../platform/testing/eventually.ts";
import { usePostOffice } from "../../testing/post-office.ts";
import { bookingEvent, userDeleted } from "../../testing/world.ts";
import { FILES_LOOKED_UP_AT_ONCE, MAILS_KEPT_MS, RETRY_FIRST_MS } from "../limits.ts";

const post = usePostOffice();
const { statusesOf } = post;

/** Where mails go is another matter: the folder may be of a time before the mail server was there. */
const transports: [string, () => Promise<{ smtpUrl?: string }>][] = [
  ["files", () => Promise.resolve({})],
  ["a server", () => post.server.start().then(() => ({ smtpUrl: post.smtpUrl() }))],
];

/** A mail to somebody new, and its file. */
async function writtenMail(dataDir = post.world.dataDir) {
  const user = post.world.peers.user();
  const booking = post.world.peers.book(user.id);
  await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
  await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
  const [row] = await post.world.rows(booking.bookingId);
  const folder = join(dataDir, "mail");
  const name = readdirSync(folder).find((each) => each.includes(row!.id));
  return { user, file: join(folder, name!) };
}

describe("files", () => {
  it.each(transports)(
    "of mails that are too old to be kept, or forgotten, are deleted, and no others: %s",
    async (_where, to) => {
      const folder = join(post.world.dataDir, "mail");
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const stamp = (at: number) => new Date(at).toISOString().replaceAll(/[-:.]/g, "");
      const at = post.world.clock.now() - MAILS_KEPT_MS;
      const old = `${stamp(at - 60_000)}-ml_old.eml`;
      const [kept, strange] = [`${stamp(at + 600_000)}-ml_kept.eml`, "1.eml"];
      const forgotten = Array.from(
        { length: FILES_LOOKED_UP_AT_ONCE + 1 },
        (_, n) => `${stamp(at + 600_000)}-ml_${n}.eml${n % 2 === 0 ? "" : ".half"}`,
      );
      for (const name of [old, kept, strange, ...forgotten]) writeFileSync(join(folder, name), "");
      for (const id of ["ml_old", "ml_kept"])
        await post.world.pool.query(
          `insert into notifications.mail (id, event_id, event, status, created_at, due_at, finished_at)
          values ($1, $1, '{}', 'sent', $2, $2, $2)`,
          [id, new Date(at + 600_000)],
        );
      await post.world.start(await to());
      await eventually(() => expect(readdirSync(folder).toSorted()).toEqual([strange, kept].toSorted()));
    },
  );

  it.each(transports)("of somebody whose account is deleted go with it: %s", async (_where, to) => {
    const before = await post.world.start();
    const [deleted, withoutFile, other] = [await writtenMail(), await writtenMail(), await writtenMail()];
    rmSync(withoutFile.file);
    await before.stop();
    await post.world.start(await to());
    await post.world.stream.publish(userDeleted(deleted.user.id));
    await post.world.stream.publish(userDeleted(withoutFile.user.id));
    expect([existsSync(deleted.file), existsSync(other.file)]).toEqual([false, true]);
    expect(await post.world.deadLetters.count()).toBe(0);
  });

  it("of somebody whom another process has forgotten go as well, when they are next looked at", async () => {
    const dataDir = join(post.world.dataDir, "of-its-own");
    const before = await post.world.start({ dataDir });
    const [deleted, other] = [await writtenMail(dataDir), await writtenMail(dataDir)];
    await before.stop();
    await post.world.start();
    await post.world.stream.publish(userDeleted(deleted.user.id));
    expect(existsSync(deleted.file)).toBe(true);
    await post.world.start({ dataDir });
    await eventually(() => expect(existsSync(deleted.file)).toBe(false));
    expect(existsSync(other.file)).toBe(true);
  });

  it("hold a mail each, readable by their owner alone, and none that is half written", async () => {
    const service = await post.world.start();
    const user = post.world.peers.user();
    const booking = post.world.peers.book(user.id);
    await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    const folder = join(post.world.dataDir, "mail");
    const [row] = await post.world.rows(booking.bookingId);
    const names = readdirSync(folder).filter((name) => name.includes(row!.id));
    expect(names).toEqual([expect.stringMatching(/^\d{8}T\d{9}Z-ml_[\w-]{22}\.eml$/)]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, names[0]!)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => !name.endsWith(".eml"))).toEqual([]);
    await post.world.pool.query("update notifications.mail set status = 'queued', due_at = now()");
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
    expect(readdirSync(folder).filter((name) => name.includes(row!.id))).toEqual(names);
    await service.stop();
  });

  it("that cannot be written are written once they can", async () => {
    const dataDir = join(post.world.dataDir, "a-file");
    writeFileSync(dataDir, "in the way");
    const broken = await post.world.start({ dataDir });
    const booking = post.world.peers.book(post.world.peers.user().id);
    await post.world.stream.publish(bookingEvent("booking.expired", booking));
    await post.putOff(booking.bookingId);
    await broken.stop();
    await post.world.start();
    post.world.clock.goForward(RETRY_FIRST_MS);
    await eventually(async () => expect(await statusesOf(booking.bookingId)).toEqual(["sent"]));
  });
});
