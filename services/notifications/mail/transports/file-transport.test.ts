import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../../../../platform/testing/eventually.ts";
import { usePostOffice } from "../../testing/post-office.ts";
import { bookingEvent } from "../../testing/world.ts";
import { MAILS_KEPT_MS, RETRY_FIRST_MS } from "../limits.ts";

const post = usePostOffice();
const { statusesOf } = post;

describe("files", () => {
  it("of mails that are too old to be kept are deleted, and no others", async () => {
    const folder = join(post.world.dataDir, "mail");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stamp = (at: number) => new Date(at).toISOString().replaceAll(/[-:.]/g, "");
    const at = post.world.clock.now() - MAILS_KEPT_MS;
    const [old, kept, strange] = [`${stamp(at - 60_000)}-ml_old.eml`, `${stamp(at + 600_000)}-ml_new.eml`, "1.eml"];
    for (const name of [old, kept, strange]) writeFileSync(join(folder, name), "");
    const service = await post.world.start();
    await eventually(() => expect(readdirSync(folder)).not.toContain(old));
    expect(readdirSync(folder)).toEqual(expect.arrayContaining([kept, strange]));
    await service.stop();
    for (const name of [kept, strange]) rmSync(join(folder, name));
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
