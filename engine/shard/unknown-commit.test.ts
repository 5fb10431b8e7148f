import { beforeEach, describe, expect, it, vi } from "vitest";
import { sleep } from "../../platform/clock/index.ts";
import { type Delta, deltasOf, type Reply, shardOf, showtimeId } from "../../proto/index.ts";
import { CommitRefused, CommitUnknown } from "../journal/index.ts";
import { smallHall } from "../testing/small-hall.ts";
import { GroupCommit } from "./group-commit.ts";
import { COMMIT_AGAIN_FOR_MS, COMMIT_AGAIN_LAST_MS, HELD_UP_MS, RESUME_GRACE_MS } from "./limits.ts";
import { anna, bert, Desk, LIMITS, RULES, showtime } from "./testing/desk.ts";

const UNKNOWN = ["unknown-done", "unknown-not-done", "late"] as const;

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});

/** Long enough for a commit that is given again. */
const afterwards = () => desk.clock.advance(2 * COMMIT_AGAIN_LAST_MS + desk.latency);

describe("a shard that does not know what became of a commit", () => {
  it.each(UNKNOWN)("goes on from memory, and its stream has no gap (%s)", async (how) => {
    const deltas: Delta[] = [];
    desk.bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    const { epoch } = desk.shard;
    const reads = vi.spyOn(desk.journal, "rows");
    const wish = desk.command({ type: "hold", seats: [1] });
    desk.fault = how;
    desk.tell(wish);
    await desk.clock.advance(1);
    desk.fault = "none";
    desk.tell(desk.command({ type: "hold", seats: [2] }, bert)); // In the batch that waits behind it.
    await afterwards();
    expect(desk.shard).toMatchObject({ phase: "serving", epoch });
    expect(reads).not.toHaveBeenCalled();
    const again = desk.tell(wish);
    await desk.clock.advance(desk.latency + 1);
    expect(again.replies).toMatchObject([{ type: "held", seats: [1] }]);
    expect(await desk.told({ type: "hold", seats: [2] })).toMatchObject({ code: "SEAT_TAKEN" });
    expect(deltas.map(({ from, seq }) => [from, seq])).toEqual([
      [1, 2],
      [2, 4], // Bert's hold, and the time that both get back.
    ]);
    expect(desk.journal.durable(0).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it("answers nobody until it knows, neither who waits nor who comes (law 2)", async () => {
    await desk.heldBy([1]);
    desk.fault = "unknown-not-done";
    const waiting = desk.tell(desk.command({ type: "hold", seats: [2] }));
    await desk.clock.advance(desk.latency + 1);
    const views: Reply[] = [];
    desk.shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => views.push(...replies));
    const away = { type: "refused", code: "UNAVAILABLE" };
    expect(waiting.replies).toMatchObject([away]);
    expect(views).toMatchObject([away]);
    expect(await desk.told({ type: "hold", seats: [3] })).toMatchObject(away);
    expect(desk.shard).toMatchObject({ phase: "unsure", waiting: 0 });
  });

  it("gives holds the time back in which it could not be asked", async () => {
    const { hold } = await desk.heldBy([1]);
    const before = await desk.timeLeft(hold);
    desk.fault = "unknown-not-done";
    desk.tell(desk.command({ type: "hold", seats: [2] }));
    await desk.clock.advance(LIMITS.holdTtlMs);
    desk.fault = "none";
    await afterwards();
    const left = await desk.timeLeft(hold);
    expect(left).toBeGreaterThan(before);
    expect(left).toBeLessThanOrEqual(before + RESUME_GRACE_MS);
    await desk.clock.advance(left + 100);
    expect(await desk.told({ type: "hold", seats: [1] }, bert)).toMatchObject({ type: "held" }); // Time goes on.
  });

  it.each(UNKNOWN)("gives way to another that has claimed the shard meanwhile (%s, law 4)", async (how) => {
    const stale = desk.shard;
    const deltas: Delta[] = [];
    desk.fault = how;
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(desk.latency + 1);
    desk.fault = "none";
    desk.shard = await desk.started();
    const rows = desk.journal.durable(0).length;
    desk.bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    await afterwards();
    await desk.clock.advance(2 * LIMITS.holdTtlMs); // Whatever it goes on with would be written by now.
    expect(stale.phase).toBe("stopped");
    expect(
      desk.journal
        .durable(0)
        .slice(rows)
        .every(({ epoch }) => epoch === desk.shard.epoch),
    ).toBe(true);
    expect(deltas.every(({ epoch }) => epoch === desk.shard.epoch)).toBe(true);
    expect(await desk.told({ type: "hold", seats: [2] })).toMatchObject({ type: "held" });
  });

  it("lets no hold run out while a commit hangs, and gives the time back", async () => {
    const { epoch } = desk.shard;
    const { hold } = await desk.heldBy([1]);
    await desk.clock.advance(LIMITS.holdTtlMs - 2_000);
    desk.fault = "stall";
    desk.tell(desk.command({ type: "hold", seats: [2] }));
    await desk.clock.advance(1);
    desk.fault = "none";
    await desk.clock.advance(4_200);
    const left = await desk.timeLeft(hold);
    expect(left).toBeGreaterThan(1_000);
    expect(left).toBeLessThanOrEqual(2_000);
    await desk.clock.advance(left + 100);
    expect(await desk.told({ type: "hold", seats: [1] }, bert)).toMatchObject({ type: "held" });
    expect(desk.shard.epoch).toBe(epoch);
  });

  it("tells nobody that a hold has run out whose time is given back afterwards", async () => {
    const { hold } = await desk.heldBy([1]);
    await desk.clock.advance(LIMITS.holdTtlMs - 1_500);
    desk.fault = "stall";
    desk.tell(desk.command({ type: "hold", seats: [2] }, bert));
    await desk.clock.advance(1);
    desk.fault = "none";
    await desk.clock.advance(3_000);
    const wish = desk.command({ type: "extend", hold });
    const early = desk.tell(wish);
    const views: Reply[] = [];
    desk.shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => views.push(...replies));
    await desk.clock.advance(1_300);
    expect(views).toMatchObject([{ type: "view" }]);
    expect(early.replies).toMatchObject([{ code: "UNAVAILABLE" }]);
    const again = desk.tell(wish);
    await desk.clock.advance(desk.latency + 1);
    expect(again.replies).toMatchObject([{ type: "extended" }]);
  });

  it.each([100, 700, 2_500])(
    "lets holds run out where every commit takes %s ms longer than counts as held up",
    async (more) => {
      await desk.heldBy([1]);
      desk.latency = HELD_UP_MS + more;
      // So much of each commit counts.
      for (let round = 0; round < 2 * (LIMITS.holdTtlMs / HELD_UP_MS); round++) {
        desk.tell(desk.command({ type: round % 2 === 0 ? "block" : "unblock", seats: [2] }, bert));
        await desk.clock.advance(desk.latency);
      }
      await desk.clock.advance(2 * desk.latency);
      desk.latency = 10;
      await desk.clock.advance(100);
      expect(await desk.told({ type: "hold", seats: [1] }, bert)).toMatchObject({ type: "held" });
    },
  );

  it("goes on from memory also when what it gave first comes about while it gives it again", async () => {
    const { epoch } = desk.shard;
    const commit = desk.journal.commit.bind(desk.journal);
    const outcomes = [
      () => Promise.reject(new CommitUnknown("the connection broke")),
      () => Promise.reject(new CommitRefused("duplicate key")),
    ];
    desk.journal.commit = (rows) => outcomes.shift()?.() ?? commit(rows);
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await afterwards();
    expect(desk.shard).toMatchObject({ phase: "serving", epoch });
  });

  it("is left at once by one that is leaving: its next owner finds out", async () => {
    desk.fault = "unknown-done";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    const left = desk.shard.stop();
    await desk.clock.advance(desk.latency + 1);
    await left;
    desk.fault = "none";
    desk.shard = await desk.started();
    expect(await desk.told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "SEAT_TAKEN" });
  });

  it("takes a new epoch and reads the journal again when it has asked for too long", async () => {
    const { epoch } = desk.shard;
    desk.fault = "unknown-not-done";
    const wish = desk.command({ type: "hold", seats: [1] });
    desk.tell(wish);
    await desk.clock.advance(COMMIT_AGAIN_FOR_MS + COMMIT_AGAIN_LAST_MS + 100);
    expect(desk.shard.epoch === epoch + 1 || desk.shard.phase === "recovering").toBe(true);
    desk.fault = "none";
    await desk.clock.advance(2_000);
    expect(desk.shard).toMatchObject({ phase: "serving", epoch: epoch + 1 });
    const again = desk.tell(wish);
    await desk.clock.advance(desk.latency + 1);
    expect(again.replies).toMatchObject([{ type: "held" }]);
  });
});

describe("a shard beside one that does not know what became of a commit", () => {
  const others = Array.from({ length: 20 }, (_, at) => showtimeId(`st-${at}`)).find((id) => shardOf(id, 2) === 1);
  let beside: Desk["shard"];
  const ask = (wish: Parameters<Desk["command"]>[0], who = bert): Reply[] => {
    const replies: Reply[] = [];
    const request = { ...desk.command(wish, who), showtime: others ?? showtime };
    beside.handle({ requests: [request] }, (answer) => replies.push(...answer.replies));
    return replies;
  };
  const asked = async (wish: Parameters<Desk["command"]>[0], who = bert): Promise<Reply | undefined> => {
    const replies = ask(wish, who);
    await desk.clock.advance(3 * desk.latency);
    return replies[0];
  };

  beforeEach(async () => {
    const commits = new GroupCommit(desk.journal, desk.clock);
    desk.shard = await desk.started({ commits });
    beside = await desk.started({ commits, id: 1, shards: 2 });
    await asked({ type: "open", plan: smallHall(24), rules: RULES });
  });

  it("turns those away who would wait, keeps what they asked for, and no hold of its own loses time", async () => {
    expect(await asked({ type: "hold", seats: [1] })).toMatchObject({ type: "held" });
    desk.fault = "unknown-not-done";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(1);
    const waiting = ask({ type: "hold", seats: [2] });
    const { epoch } = beside;
    await desk.clock.advance(LIMITS.holdTtlMs + 1_000);
    expect(waiting).toMatchObject([{ code: "UNAVAILABLE" }]);
    desk.fault = "none";
    await afterwards();
    expect(beside).toMatchObject({ phase: "serving", epoch });
    expect(await asked({ type: "hold", seats: [2] }, anna)).toMatchObject({ code: "SEAT_TAKEN" });
    expect(await asked({ type: "hold", seats: [1] }, anna)).toMatchObject({ code: "SEAT_TAKEN" });
    await desk.clock.advance(LIMITS.holdTtlMs + RESUME_GRACE_MS + 100);
    expect(await asked({ type: "hold", seats: [1] }, anna)).toMatchObject({ type: "held" });
  });

  it("goes on when only a proof of its own was under way", async () => {
    await asked({ type: "hold", seats: [1] });
    const { epochs } = desk.journal;
    desk.journal.epochs = async (...all) => {
      await sleep(desk.clock, 100);
      return epochs.call(desk.journal, ...all);
    };
    desk.fault = "unknown-not-done";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    const refused = ask({ type: "hold", seats: [1] }, anna);
    await desk.clock.advance(1);
    ask({ type: "hold", seats: [1] }, anna); // Waits behind both.
    await desk.clock.advance(50);
    desk.fault = "none";
    await desk.clock.advance(1_000);
    expect(refused).toMatchObject([{ code: "SEAT_TAKEN" }]);
    expect(beside.phase).toBe("serving");
  });

  it("loses no time of its holds either when it finds out later that PostgreSQL is away", async () => {
    const limits = { ...LIMITS, holdTtlMs: 60_000, holdMaxMs: 120_000 };
    const commits = new GroupCommit(desk.journal, desk.clock);
    desk.shard = await desk.started({ commits });
    beside = await desk.started({ commits, limits, id: 1, shards: 2 });
    const [held] = [await asked({ type: "hold", seats: [1] })];
    if (held?.type !== "held") return expect.unreachable(JSON.stringify(held));
    desk.latency = 1.37;
    desk.fault = "unknown-not-done";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(COMMIT_AGAIN_FOR_MS + 10_000);
    desk.fault = "none";
    await desk.clock.advance(2_000);
    const replies: Reply[] = [];
    const query = { type: "get-hold", showtime: others ?? showtime, holder: bert, hold: held.hold } as const;
    beside.handle({ requests: [query] }, (answer) => replies.push(...answer.replies));
    await desk.clock.advance(10);
    expect(replies).toMatchObject([{ type: "hold", expiresInMs: expect.toSatisfy((ms) => ms >= 57_000) }]);
  });

  it("leaves at once when it is to leave", async () => {
    desk.fault = "unknown-not-done";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(1);
    const waiting = ask({ type: "hold", seats: [2] });
    const left = beside.stop();
    await desk.clock.advance(desk.latency + COMMIT_AGAIN_LAST_MS);
    await left;
    expect(waiting).toMatchObject([{ code: "UNAVAILABLE" }]);
  });
});
