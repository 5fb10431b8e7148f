import { describe, expect, it } from "vitest";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { eventually } from "../../../platform/testing/eventually.ts";
import { fail, smtpError } from "../testing/mail-server.ts";
import { usePostOffice } from "../testing/post-office.ts";
import { bookingEvent } from "../testing/world.ts";
import { UNREACHABLE_MAX_MS } from "./limits.ts";

const TEN_MINUTES_MS = 600_000;

const post = usePostOffice();

/** A process that sends to the test's server, as it is seen by whoever scrapes it. */
async function watched() {
  const metrics = createMetrics("test", { ofProcess: false });
  await post.world.start({ smtpUrl: post.smtpUrl() }, metrics);
  return async (): Promise<{ waiting: number | undefined; age: number | undefined }> => {
    const text = await metrics.metrics();
    const valueOf = (name: string) => {
      const found = new RegExp(`^${name}\\S* (\\S+)$`, "m").exec(text)?.[1];
      return found === undefined ? undefined : Number(found);
    };
    return { waiting: valueOf("usher_mails_waiting"), age: valueOf("usher_mails_age_seconds") };
  };
}

/** Age of one that waited for ten minutes, and the little that the test itself has taken. */
const tenMinutes = (age: number | undefined) => age !== undefined && age >= 600 && age < 660;

/** What is scraped ten minutes after a server has put a mail off, and why it did. */
async function tenMinutesAfter(code: number, said: string) {
  await post.server.start();
  post.server.onRecipient = () => fail(smtpError(code, said));
  const scrape = await watched();
  const booking = post.world.peers.book(post.world.peers.user().id);
  await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
  await post.putOff(booking.bookingId);
  post.world.clock.goForward(TEN_MINUTES_MS);
  return scrape();
}

describe("the metrics of mails", () => {
  it("tell of a mail server that is away, until it has what waits", async () => {
    await post.server.start();
    const scrape = await watched();
    expect(await scrape()).toEqual({ waiting: 0, age: 0 });
    await post.server.stop();
    const bookings = Array.from({ length: 3 }, () => post.world.peers.book(post.world.peers.user().id));
    for (const booking of bookings) await post.world.stream.publish(bookingEvent("booking.confirmed", booking));
    post.world.clock.goForward(TEN_MINUTES_MS);
    await eventually(async () =>
      expect(await scrape()).toEqual({ waiting: 3, age: expect.toSatisfy(tenMinutes, "ten minutes") }),
    );

    await post.server.start();
    post.world.clock.goForward(UNREACHABLE_MAX_MS);
    await eventually(async () => expect(await scrape()).toEqual({ waiting: 0, age: 0 }));
  });

  it.each([
    ["a mailbox is full", 452, "4.2.2 Mailbox full"],
    ["nobody knows the domain just now", 450, "4.1.2 Domain not found"],
  ])("count no mail as late that waits for its recipient alone, as where %s", async (_what, code, said) => {
    expect(await tenMinutesAfter(code, said)).toEqual({ waiting: 1, age: 0 });
  });

  it.each([
    ["cannot look recipients up", 451, "4.3.0 Temporary lookup failure"],
    ["does not know the sender", 450, "4.1.8 Sender address rejected: Domain not found"],
    ["gives no reason", 450, "Later"],
  ])("count as late what a server puts off that %s", async (_what, code, said) => {
    expect(await tenMinutesAfter(code, said)).toEqual({ waiting: 1, age: expect.toSatisfy(tenMinutes, "ten minutes") });
  });
});
