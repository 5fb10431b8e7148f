import { describe, expect, it, vi } from "vitest";
import type { HoldId } from "../../proto/index.ts";
import { LIMITS } from "../limits.ts";
import type { Client } from "../testing/client.ts";
import { type Harness, SHOWTIME, useHarness } from "../testing/harness.ts";
import { BOOKING_NEWS } from "../../proto/services/index.ts";

/** Tokens are judged once what this gives is called. */
function holdBackVerdicts({ verifier }: Harness): () => void {
  const verify = verifier.verify.bind(verifier);
  let judge: () => void = () => {};
  const judged = new Promise<void>((resolve) => (judge = resolve));
  vi.spyOn(verifier, "verify").mockImplementation((token) => judged.then(() => verify(token)));
  return () => judge();
}

describe.each(["json", "msgpack"] as const)("a connection that speaks %s", (encoding) => {
  const current = useHarness();

  it("is welcomed at once", async () => {
    const client = await current.edge.connect(encoding);
    expect(await client.next("welcome")).toEqual({ op: "welcome", protocol: 1, heartbeatMs: 25_000 });
  });

  it("is told whom its token speaks for, and that a forged one speaks for nobody", async () => {
    const client = await current.edge.connect(encoding);
    const token = await current.edge.token({ user: "ann", role: "kiosk" });
    client.say({ op: "auth", token });
    expect(await client.next("authed")).toEqual({ op: "authed", userId: "ann", role: "kiosk" });
    client.say({ op: "auth", token: `${token.slice(0, -8)}AAAAAAAA` });
    expect(await client.next("error")).toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("holds, extends and gives back seats", async () => {
    const client = await current.edge.signedIn(encoding);
    client.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [7, 8] });
    const held = await client.next("held");
    expect(held).toEqual({
      op: "held",
      rid: "r1",
      holdId: held.holdId,
      showtime: SHOWTIME,
      seats: [7, 8],
      expiresInMs: 300_000,
    });
    client.say({ op: "extend", rid: "r2", holdId: held.holdId });
    expect(await client.next("extended")).toEqual({
      op: "extended",
      rid: "r2",
      holdId: held.holdId,
      expiresInMs: 300_000,
    });
    client.say({ op: "release", rid: "r3", holdId: held.holdId, seats: [8] });
    expect(await client.next("released")).toEqual({ op: "released", rid: "r3", holdId: held.holdId });
    client.say({ op: "release", rid: "r4", holdId: held.holdId });
    expect(await client.next("released")).toMatchObject({ rid: "r4" });
  });

  it("holds the best seats of a category", async () => {
    const client = await current.edge.signedIn(encoding);
    client.say({
      op: "hold",
      rid: "r1",
      showtime: SHOWTIME,
      best: { count: 3, category: "front", split: true },
      accessible: true,
    });
    expect((await client.next("held")).seats).toHaveLength(3);
    expect(current.edge.engine.asked.at(-1)).toEqual({
      type: "hold-best",
      showtime: SHOWTIME,
      holder: "ann",
      rid: "r1",
      count: 3,
      category: "front",
      split: true,
      accessible: true,
      desk: false,
    });
  });

  it("tells the engine that a kiosk serves one customer after another", async () => {
    const client = await current.edge.signedIn(encoding, "kiosk-1", "kiosk");
    client.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [7] });
    await client.next("held");
    expect(current.edge.engine.asked.at(-1)).toMatchObject({ type: "hold", desk: true });
  });

  it("hears what has become of a booking, on every connection of its buyer and on no other", async () => {
    const [one, two, other] = [
      await current.edge.signedIn(encoding, "ann"),
      await current.edge.signedIn(encoding, "ann"),
      await current.edge.signedIn(encoding, "bob"),
    ];
    const news = { bookingId: "b1", showtimeId: SHOWTIME, status: "refunded", reason: "Too late." } as const;
    current.edge.bus.publish(BOOKING_NEWS, { userId: "ann", ...news });
    current.edge.bus.publish(BOOKING_NEWS, { userId: "bob", ...news, status: "confirmed", reason: null });
    for (const client of [one, two]) {
      expect(await client.next("booking")).toEqual({
        op: "booking",
        bookingId: "b1",
        showtime: SHOWTIME,
        status: "refunded",
        reason: "Too late.",
      });
    }
    expect(await other.next("booking")).toEqual({
      op: "booking",
      bookingId: "b1",
      showtime: SHOWTIME,
      status: "confirmed",
    });
  });

  it("is refused with the seats that were taken, and gets the first answer for the same rid on any connection", async () => {
    const ann = await current.edge.signedIn(encoding, "ann");
    const bob = await current.edge.signedIn(encoding, "bob");
    ann.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1, 2] });
    const held = await ann.next("held");
    bob.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [2, 3] });
    expect(await bob.next("error")).toEqual({
      op: "error",
      rid: "r1",
      code: "SEAT_TAKEN",
      message: "SEAT_TAKEN",
      seats: [2],
    });
    const other = await current.edge.signedIn(encoding, "ann");
    other.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1, 2] });
    expect(await other.next("held")).toEqual(held);
  });

  it("watches: the hall, then what changes, then no more", async () => {
    const viewer = await current.edge.connect(encoding);
    viewer.say({ op: "watch", showtime: SHOWTIME });
    const snapshot = await viewer.next("snapshot");
    expect(snapshot).toEqual({
      op: "snapshot",
      showtime: SHOWTIME,
      epoch: 1,
      seq: 0,
      statuses: new Uint8Array(480),
      checksum: 0,
    });
    const buyer = await current.edge.signedIn(encoding);
    buyer.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [5] });
    expect(await viewer.next("delta")).toMatchObject({
      showtime: SHOWTIME,
      epoch: 1,
      from: 0,
      seq: 1,
      changes: [5 * 4 + 1],
    });
    viewer.say({ op: "unwatch", showtime: SHOWTIME });
    viewer.say({ op: "watch", showtime: "nowhere" });
    expect(await viewer.next("error")).toMatchObject({ code: "NOT_FOUND" });
    buyer.say({ op: "hold", rid: "r2", showtime: SHOWTIME, seats: [6] });
    await buyer.next("held");
    viewer.say({ op: "watch", showtime: SHOWTIME });
    expect(await viewer.next("snapshot")).toMatchObject({ seq: 2 });
    expect(viewer.inbox.filter(({ op }) => op === "delta")).toEqual([]);
  });

  it("is told on every connection of the holder when a hold ends", async () => {
    const one = await current.edge.signedIn(encoding, "ann");
    const two = await current.edge.signedIn(encoding, "ann");
    const stranger = await current.edge.signedIn(encoding, "bob");
    one.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
    one.say({ op: "hold", rid: "r2", showtime: SHOWTIME, seats: [2] });
    const first = (await one.next("held", ({ rid }) => rid === "r1")).holdId;
    const second = (await one.next("held", ({ rid }) => rid === "r2")).holdId;
    current.edge.engine.expire(first);
    current.edge.engine.book(second, "b1");
    for (const client of [one, two]) {
      expect(await client.next("expired")).toEqual({ op: "expired", holdId: first });
      expect(await client.next("booked")).toEqual({ op: "booked", holdId: second, bookingId: "b1" });
    }
    stranger.say({ op: "nonsense" });
    await stranger.next("error");
    expect(stranger.inbox.map(({ op }) => op)).toEqual(["welcome"]);
  });

  it("may only watch while it is anonymous", async () => {
    const client = await current.edge.connect(encoding);
    client.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
    expect(await client.next("error")).toMatchObject({ rid: "r1", code: "UNAUTHORIZED" });
    client.say({ op: "release", rid: "r2", holdId: `${SHOWTIME}.1` });
    expect(await client.next("error")).toMatchObject({ rid: "r2", code: "UNAUTHORIZED" });
    client.say({ op: "watch", showtime: SHOWTIME });
    await client.next("snapshot");
  });

  it("may not hold in the role of the gate", async () => {
    const client = await current.edge.connect(encoding);
    await client.signIn(await current.edge.token({ role: "gate" }));
    client.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
    expect(await client.next("error")).toMatchObject({ rid: "r1", code: "FORBIDDEN" });
  });

  it("finds neither other people's holds, nor unknown showtimes, nor seats outside the hall", async () => {
    const ann = await current.edge.signedIn(encoding, "ann");
    const bob = await current.edge.signedIn(encoding, "bob");
    ann.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
    const { holdId } = await ann.next("held");
    bob.say({ op: "release", rid: "r1", holdId });
    expect(await bob.next("error")).toMatchObject({ rid: "r1", code: "HOLD_NOT_FOUND" });
    bob.say({ op: "extend", rid: "r2", holdId: "no hold" as HoldId });
    expect(await bob.next("error")).toMatchObject({ rid: "r2", code: "HOLD_NOT_FOUND" });
    bob.say({ op: "hold", rid: "r3", showtime: "nowhere", seats: [1] });
    expect(await bob.next("error")).toMatchObject({ rid: "r3", code: "NOT_FOUND" });
    bob.say({ op: "hold", rid: "r4", showtime: SHOWTIME, seats: [480] });
    expect(await bob.next("error")).toMatchObject({ rid: "r4", code: "NOT_FOUND" });
    bob.say({ op: "watch", showtime: SHOWTIME });
    await bob.next("snapshot");
    const asked = current.edge.engine.asked.length;
    bob.say({ op: "hold", rid: "r5", showtime: SHOWTIME, seats: [2, 480] });
    expect(await bob.next("error")).toMatchObject({ rid: "r5", code: "NOT_FOUND", seats: [480] });
    expect(current.edge.engine.asked.length).toBe(asked);
  });

  it("is answered in order although its token takes a while", async () => {
    const client = await current.edge.connect(encoding);
    client.say({ op: "auth", token: await current.edge.token() });
    client.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
    client.say({ op: "auth", token: "forged" });
    client.say({ op: "hold", rid: "r2", showtime: SHOWTIME, seats: [2] });
    await client.next("held", ({ rid }) => rid === "r2");
    const ops = client.inbox.map((message) => ("code" in message ? message.code : message.op));
    expect(ops).toEqual(["welcome", "authed", "UNAUTHORIZED", "held"]);
  });

  it("may have so many messages wait for a token and no more", async () => {
    const judge = holdBackVerdicts(current.edge);
    const client = await current.edge.connect(encoding);
    client.say({ op: "auth", token: await current.edge.token() });
    const asked = LIMITS.waitingMax + 6;
    for (let at = 0; at < asked; at++) client.say({ op: "hold", rid: `r${at}`, showtime: SHOWTIME, seats: [at] });
    client.say({ op: "nonsense" });
    await client.next("error", ({ code }) => code === "BAD_MESSAGE");
    const ops = client.inbox.map((message) => ("code" in message ? message.code : message.op));
    expect(ops).toEqual(["welcome", ...Array<string>(6).fill("BUSY")]);
    judge();
    await client.until(() => client.inbox.length === 2 + asked);
    expect(client.inbox.filter(({ op }) => op === "held")).toHaveLength(LIMITS.waitingMax);
  });
});

describe("an unwatch", () => {
  const current = useHarness();
  const strict = useHarness({ commandsPerSecond: 1 });

  /** What `client` has been sent when somebody else has been shown a change of the hall. */
  async function sentByAChange(edge: Harness, client: Client): Promise<string[]> {
    const viewer = await edge.viewer();
    edge.engine.change(SHOWTIME, new Map([[1, 1]]));
    await viewer.next("delta");
    client.say({ op: "nonsense" });
    await client.next("error", ({ code }) => code === "BAD_MESSAGE");
    return client.inbox.map((message) => ("code" in message ? message.code : message.op));
  }

  it("is heard past the rate", async () => {
    const client = await strict.edge.viewer();
    for (const rid of ["r1", "r2", "r3"]) client.say({ op: "extend", rid, holdId: "h.1" });
    client.say({ op: "unwatch", showtime: SHOWTIME });
    const sent = await sentByAChange(strict.edge, client);
    // A slow machine may have earned one more by then.
    expect(sent.map((op) => (op === "RATE_LIMITED" ? "UNAUTHORIZED" : op))).toEqual([
      "welcome",
      ...Array<string>(3).fill("UNAUTHORIZED"),
    ]);
  });

  it("is heard behind all that waits for a token, and ends the watch that waits among it", async () => {
    const judge = holdBackVerdicts(current.edge);
    const client = await current.edge.viewer();
    client.say({ op: "auth", token: "forged" });
    client.say({ op: "watch", showtime: SHOWTIME });
    for (let at = 1; at < LIMITS.waitingMax; at++) client.say({ op: "extend", rid: `r${at}`, holdId: "h.1" });
    client.say({ op: "unwatch", showtime: SHOWTIME });
    expect(await sentByAChange(current.edge, client)).toEqual(["welcome"]);
    judge();
    await client.until(() => client.inbox.length === 1 + LIMITS.waitingMax);
    expect(await sentByAChange(current.edge, client)).toEqual([
      "welcome",
      ...Array<string>(LIMITS.waitingMax).fill("UNAUTHORIZED"),
    ]);
  });
});
