import { beforeEach, describe, expect, it } from "vitest";
import {
  bookingId,
  type Command,
  type Delta,
  deltasOf,
  type Reply,
  shardOf,
  showtimeId,
  weightOf,
} from "../../proto/index.ts";
import { allSteps } from "../core/index.ts";
import { CORE_LIMITS } from "../core/limits.ts";
import { takeSnapshot } from "../snapshot/take-snapshot.ts";
import { smallHall } from "../testing/small-hall.ts";
import { GroupCommit } from "./group-commit.ts";
import { MAILBOX_MAX } from "./limits.ts";
import { recover, type Recovery } from "./shard-state.ts";
import { bert, Desk, LIMITS, log, RULES, showtime, type Wish } from "./testing/desk.ts";

const bytesOf = ({ state }: Recovery): Buffer => Buffer.from(allSteps(state.encode()));

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});

describe("a shard", () => {
  it("answers nothing before the commit, not even a refusal that rests on it (law 2)", async () => {
    const deltas: Delta[] = [];
    desk.bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    desk.latency = 100;
    const first = desk.tell(desk.command({ type: "hold", seats: [1, 2] }));
    const refused = desk.tell(desk.command({ type: "hold", seats: [2] }, bert));
    await desk.clock.advance(99);
    expect([first.replies, refused.replies, deltas]).toEqual([undefined, undefined, []]);
    await desk.clock.advance(2);
    expect(first.replies?.[0]?.type).toBe("held");
    expect(refused.replies?.[0]).toMatchObject({ type: "refused", code: "SEAT_TAKEN", seats: [2] });
    expect(deltas).toHaveLength(1);
  });

  it("keeps an answer back, given again or a refusal, while the commit that it rests on is under way and nothing else is open (law 2)", async () => {
    desk.latency = 100;
    const wish = desk.command({ type: "hold", seats: [1] });
    desk.tell(wish);
    await desk.clock.advance(50);
    const again = desk.tell(wish);
    await desk.clock.advance(20);
    const refused = desk.tell(desk.command({ type: "hold", seats: [1] }, bert));
    await desk.clock.advance(20);
    expect([again.replies, refused.replies]).toEqual([undefined, undefined]);
    await desk.clock.advance(20);
    expect(again.replies?.[0]).toMatchObject({ type: "held" });
    expect(refused.replies?.[0]).toMatchObject({ code: "SEAT_TAKEN" });
  });

  it("commits all that came while a commit was under way as one row, without waiting for a timer", async () => {
    const before = desk.journal.durable(0).length;
    desk.latency = 100;
    desk.tell(desk.command({ type: "hold", seats: [0] }));
    await desk.clock.advance(50);
    for (let seat = 1; seat <= 5; seat++) desk.tell(desk.command({ type: "hold", seats: [seat] }));
    await desk.clock.advance(250);
    expect(desk.journal.durable(0).length - before).toBe(2);
  });

  it("says BUSY at once when its mailbox is full, and works on (law 6)", async () => {
    desk.fault = "stall";
    desk.tell(desk.command({ type: "hold", seats: [0] }));
    await desk.clock.advance(20);
    const batch = Array.from({ length: MAILBOX_MAX - 1 }, () => desk.command({ type: "hold", seats: [0] }, bert));
    const fits = desk.tell(...batch);
    const over = desk.tell(desk.command({ type: "hold", seats: [5] }, bert));
    expect(over.replies?.[0]).toMatchObject({ type: "refused", code: "BUSY" });
    expect(fits.replies).toBeUndefined();
    desk.fault = "none";
    await desk.clock.advance(5_000);
    expect(fits.replies).toHaveLength(MAILBOX_MAX - 1);
    expect(await desk.told({ type: "hold", seats: [6] }, bert)).toMatchObject({ type: "held" });
  });

  it("is full sooner of views, whose answers are halls", async () => {
    desk.fault = "stall";
    desk.tell(desk.command({ type: "hold", seats: [0] }));
    await desk.clock.advance(20);
    const codes: unknown[] = [];
    for (let asked = 0; asked < 1_000; asked++) {
      desk.shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies: [reply] }) => {
        codes.push(reply?.type === "refused" ? reply.code : reply?.type);
      });
    }
    const views = Math.floor((MAILBOX_MAX - 1) / weightOf({ type: "view" }));
    expect(codes).toEqual(Array.from({ length: 1_000 - views }, () => "BUSY"));
  });

  it("numbers deltas without a gap, each with the checksum of its hall (law 5)", async () => {
    const deltas: Delta[] = [];
    desk.bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    const held = await desk.heldBy([3, 4]);
    await desk.told({ type: "release", hold: held.hold, seats: [3] });
    await desk.told({ type: "release", hold: held.hold });
    await desk.clock.settle();
    expect(deltas.map(({ from, seq, changes }) => ({ from, seq, changes }))).toEqual([
      { from: 1, seq: 2, changes: [13, 17] },
      { from: 2, seq: 3, changes: [12] },
      { from: 3, seq: 4, changes: [16] },
    ]);
    expect(deltas.at(-1)?.checksum).toBe(0);
  });

  it("gives a view that the next delta goes on from, also when it is asked for in the middle of a batch (law 5)", async () => {
    const deltas: Delta[] = [];
    desk.bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    desk.latency = 100;
    desk.tell(desk.command({ type: "hold", seats: [0] }));
    await desk.clock.advance(10);
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    const views: Reply[] = [];
    desk.shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => views.push(...replies));
    desk.tell(desk.command({ type: "hold", seats: [2] }));
    await desk.clock.advance(150);
    desk.tell(desk.command({ type: "hold", seats: [3] }));
    await desk.clock.advance(350);
    const [view] = views;
    expect(view?.type === "view" && view.seq).toBe(4);
    expect(view).not.toHaveProperty("recent");
    expect(deltas.map(({ from, seq }) => [from, seq])).toEqual([
      [1, 2],
      [2, 4],
      [4, 5],
    ]);
  });

  it("gives with a view the deltas that led there and no others, when it is asked for them", async () => {
    const other = {
      ...desk.command({ type: "open", plan: smallHall(24), rules: RULES }),
      showtime: showtimeId("other"),
    };
    desk.tell(other);
    await desk.heldBy([0]);
    desk.latency = 100;
    const views: Reply[] = [];
    const look = (): void =>
      desk.shard.handle({ requests: [{ type: "view", showtime, recent: true }] }, ({ replies }) =>
        views.push(...replies),
      );
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(10);
    look();
    desk.tell(desk.command({ type: "hold", seats: [2] }), desk.command({ type: "hold", seats: [3] }));
    look();
    await desk.clock.advance(500);
    look();
    const chains = views.map((view) => view.type === "view" && view.recent?.map(({ from, seq }) => [from, seq]));
    const chain = [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 5],
    ];
    expect(chains).toEqual([chain.slice(0, 3), chain, chain]);
  });

  it.each(["fail", "unknown-done", "unknown-not-done", "late"] as const)(
    "after a commit that ends with %s tells callers to ask again, and then gives one answer for good",
    async (how) => {
      desk.fault = how;
      const request = desk.command({ type: "hold", seats: [7] });
      const first = desk.tell(request);
      await desk.clock.advance(desk.latency + 1);
      expect(first.replies?.[0]).toMatchObject({ type: "refused", code: "UNAVAILABLE" });
      desk.fault = "none";
      await desk.clock.advance(1_000);
      const second = desk.tell(request);
      await desk.clock.advance(desk.latency + 1);
      const third = desk.tell(request);
      await desk.clock.advance(desk.latency + 1);
      expect(second.replies?.[0]).toMatchObject({ type: "held", seats: [7] });
      expect(third.replies).toEqual(second.replies);
      const heldRows = (await desk.settled(recover(desk.journal, 0, () => undefined))).state.showtimes.get(showtime)
        ?.holds.size;
      expect(heldRows).toBe(1);
    },
  );
  it("opens no showtime that is another shard's", async () => {
    desk.shard = await desk.started({ shards: 2 });
    const open = { type: "open", plan: smallHall(24), rules: RULES } as const;
    const own = Array.from({ length: 10 }, (_, at) => showtimeId(`st-${at}`)).map((each) => shardOf(each, 2) === 0);
    expect(new Set(own).size).toBe(2);
    for (const [at, isOwn] of own.entries()) {
      const answer = desk.tell({ ...desk.command(open), showtime: showtimeId(`st-${at}`) });
      await desk.clock.advance(desk.latency + 1);
      const refused = { type: "refused", code: "CONFLICT", message: expect.stringContaining("SHARDS") };
      expect(answer.replies).toMatchObject([isOwn ? { type: "done" } : refused]);
    }
  });

  it("takes over the operator's new limits", async () => {
    desk.shard = await desk.started({ limits: { ...LIMITS, maxSeatsPerHolder: 1 } });
    expect(await desk.told({ type: "hold", seats: [1, 2] })).toMatchObject({ code: "LIMIT_REACHED" });
  });

  it("refuses to serve from a journal that has lost acknowledged rows", async () => {
    const { seq, epoch = 0 } = desk.shard.acknowledged;
    expect((await desk.started({ acknowledged: { seq, epoch } })).acknowledged).toMatchObject({ seq, epoch });
    const others = desk.started({ acknowledged: { seq, epoch: epoch - 1 } });
    await expect(others).rejects.toThrow(`shard 0 has another row ${seq} than was acknowledged`);
    await expect(desk.started({ acknowledged: { seq: 99 } })).rejects.toThrow(/lost sales it had acknowledged/);
  });

  it("times each commit, once for all shards", async () => {
    const commits = new GroupCommit(desk.journal, desk.clock);
    const [one, other] = [await desk.started({ commits }), await desk.started({ commits, id: 1, shards: 2 })];
    const timed = () => commits.durations.samplesOf("commit", {}).at(-1)?.value;
    await desk.clock.advance(1_000);
    const before = timed() ?? 0;
    for (const shard of [one, other])
      shard.handle({ requests: [desk.command({ type: "hold", seats: [1] })] }, () => undefined);
    await desk.clock.advance(desk.latency + 1);
    expect(timed()).toBe(before + 1);
  });

  it("commits what others share with one whose seat is booked already, and they go on (law 1)", async () => {
    const commits = new GroupCommit(desk.journal, desk.clock);
    desk.shard = await desk.started({ commits });
    const other = await desk.started({ commits, id: 1, shards: 2 });
    const others = Array.from({ length: 10 }, (_, at) => showtimeId(`st-${at}`)).find((id) => shardOf(id, 2) === 1);
    if (others === undefined) throw new Error("all are one shard's");
    const answers: Reply[] = [];
    const tellOther = (wish: Wish): void =>
      other.handle({ requests: [{ ...desk.command(wish), showtime: others }] }, ({ replies }) =>
        answers.push(...replies),
      );
    tellOther({ type: "open", plan: smallHall(24), rules: RULES });
    const { hold } = await desk.heldBy([9]);
    const { epoch } = other;
    desk.journal.bookedSeats.set(`${showtime} 9`, bookingId("by-hand"));
    const refused = desk.tell(
      desk.command({ type: "confirm", hold, booking: bookingId("one"), seats: [9], reacquire: false }),
    );
    tellOther({ type: "hold", seats: [1] });
    await desk.clock.advance(3 * (desk.latency + 1));
    expect(answers).toMatchObject([{ type: "done" }, { type: "held" }]);
    expect(refused.replies).toMatchObject([{ code: "UNAVAILABLE" }]);
    expect(other).toMatchObject({ phase: "serving", epoch });
  });

  it("writes a seat's net booking when it is booked, cancelled and booked again in one commit", async () => {
    const { hold } = await desk.heldBy([9]);
    const [one, two] = [bookingId("one"), bookingId("two")];
    desk.latency = 50;
    desk.tell(desk.command({ type: "hold", seats: [20] }, bert)); // Under way, so that all of these share the next commit.
    await desk.clock.advance(10);
    desk.tell(desk.command({ type: "confirm", hold, booking: one, seats: [9], reacquire: false }));
    desk.tell(desk.command({ type: "cancel", booking: one }));
    desk.tell(desk.command({ type: "confirm", hold, booking: two, seats: [9], reacquire: true }));
    await desk.clock.advance(200);
    expect([...desk.journal.bookedSeats]).toEqual([[`${showtime} 9`, two]]);
  });

  it("recovers to the same state from a snapshot and the rows after it as from all rows", async () => {
    const { hold } = await desk.heldBy([1, 2]);
    await desk.told({ type: "release", hold, seats: [1] });
    const all = await desk.settled(recover(desk.journal, 0, () => undefined));
    await desk.settled(takeSnapshot(desk.journal, 0, log));
    const fromSnapshot = await desk.settled(recover(desk.journal, 0, () => undefined));
    expect(fromSnapshot.snapshotSeq).toBe(desk.journal.durable(0).length);
    expect(bytesOf(fromSnapshot)).toEqual(bytesOf(all));
    await desk.heldBy([8]);
    expect((await desk.settled(recover(desk.journal, 0, () => undefined))).state.showtimes.get(showtime)?.seq).toBe(4);
  });

  it("goes on from what was read earlier as from the beginning", async () => {
    await desk.heldBy([1, 2]);
    await desk.settled(takeSnapshot(desk.journal, 0, log));
    await desk.heldBy([4]);
    const before = await desk.settled(recover(desk.journal, 0, () => undefined));
    const { snapshotSeq, replayedBytes } = before;
    await desk.heldBy([8]);
    const all = await desk.settled(recover(desk.journal, 0, () => undefined));
    const later = await desk.settled(recover(desk.journal, 0, () => undefined, { before }));
    expect(bytesOf(later)).toEqual(bytesOf(all));
    expect(later).toMatchObject({ snapshotSeq, replayedBytes: all.replayedBytes });
    expect(replayedBytes).toBeLessThan(all.replayedBytes);
  });

  it.each([
    ["and nothing after it", false, 0],
    ["and more", false, 2],
    ["under a snapshot", true, 0],
  ])(
    "reads all where what was read earlier ends with a row that is another's by now, %s",
    async (_, isSnapshot, more) => {
      await desk.heldBy([1, 2]);
      await desk.heldBy([4]);
      if (isSnapshot) await desk.settled(takeSnapshot(desk.journal, 0, log));
      const before = await desk.settled(recover(desk.journal, 0, () => undefined));
      const { seq } = before.state;
      desk.journal.lose(0, 1);
      const epoch = await desk.settled(desk.journal.claim(0, "another"));
      for (let at = seq; at <= seq + more; at++) {
        const row = { shard: 0, seq: at, epoch, at: desk.clock.now() + at, events: new Uint8Array(), bookedSeats: [] };
        await desk.settled(desk.journal.commit([row]));
      }
      const all = await desk.settled(recover(desk.journal, 0, () => undefined));
      const later = await desk.settled(recover(desk.journal, 0, () => undefined, { before }));
      expect(later.state.seq).toBe(seq + more);
      expect(bytesOf(later)).toEqual(bytesOf(all));
    },
  );

  it("passes over a snapshot that does not read, and says so", async () => {
    await desk.heldBy([1]);
    await desk.settled(takeSnapshot(desk.journal, 0, log));
    const [snapshot] = await desk.settled(collect(desk.journal.snapshots(0)));
    await desk.journal.saveSnapshot({ shard: 0, seq: 99, bytes: (snapshot?.bytes ?? new Uint8Array()).slice(0, -3) });
    const unreadable: number[] = [];
    const { state } = await desk.settled(recover(desk.journal, 0, (seq) => unreadable.push(seq)));
    expect(unreadable).toEqual([99]);
    expect(state.seq).toBe(desk.journal.durable(0).length);
  });

  it("does not remember that there is no such showtime: it may be opened yet", async () => {
    const other = { showtime: showtimeId("st-2") };
    const request = { ...desk.command({ type: "hold", seats: [1] }, bert), ...other };
    const asked = async (command: Command) => {
      const answer = desk.tell(command);
      await desk.clock.advance(desk.latency + 1);
      return answer.replies;
    };
    expect(await asked(request)).toMatchObject([{ type: "refused", code: "NOT_FOUND" }]);
    await asked({ ...desk.command({ type: "open", plan: smallHall(24), rules: RULES }), ...other });
    expect(await asked(request)).toMatchObject([{ type: "held", seats: [1] }]);
  });

  it("does not remember a refusal that may go well when it is asked again", async () => {
    const limits = CORE_LIMITS as { holdersMax: number }; // The cast: for this test alone, since a million holders take too long.
    const { holdersMax } = limits;
    const request = desk.command({ type: "hold", seats: [1] });
    limits.holdersMax = 0;
    const busy = desk.tell(request);
    limits.holdersMax = holdersMax;
    await desk.clock.advance(desk.latency + 1);
    expect(busy.replies).toMatchObject([{ type: "refused", code: "BUSY" }]);
    const again = desk.tell(request);
    await desk.clock.advance(desk.latency + 1);
    expect(again.replies).toMatchObject([{ type: "held", seats: [1] }]);
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
