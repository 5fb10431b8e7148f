import pino from "pino";
import { beforeEach, describe, expect, it } from "vitest";
import { InProcessBus } from "../../platform/bus/index.ts";
import { VirtualClock } from "../../platform/clock/index.ts";
import {
  bookingId,
  type Command,
  type Delta,
  deltasOf,
  holderId,
  NOTICES,
  type Notice,
  type Reply,
  type RequestId,
  type SaleLimits,
  type SaleRules,
  shardOf,
  showtimeId,
} from "../../proto/index.ts";
import { type Fault, FaultyJournal } from "../testing/faulty-journal.ts";
import { smallHall } from "../testing/small-hall.ts";
import { takeSnapshot } from "../snapshot/take-snapshot.ts";
import { GroupCommit } from "./group-commit.ts";
import { CORE_LIMITS } from "../core/limits.ts";
import { tombstoneOf } from "../core/state/state.ts";
import {
  ARCHIVE_EVERY_MS,
  MAILBOX_MAX,
  NOTICES_PER_MESSAGE_MAX,
  PROOF_MS,
  RESUME_GRACE_MS,
  WALL_CLOCK_EVERY_MS,
} from "./limits.ts";
import { Proof } from "./proof.ts";
import { Shard, type ShardOptions } from "./shard.ts";
import { recover } from "./shard-state.ts";

const log = pino({ level: "silent" });
const showtime = showtimeId("st-1");
const [anna, bert] = [holderId("anna"), holderId("bert")];
const LIMITS: SaleLimits = {
  holdTtlMs: 5_000,
  holdMaxMs: 15_000,
  paymentTtlMs: 4_000,
  maxSeatsPerHolder: 6,
  maxExtensions: 2,
};
const RULES = {
  salesStartAt: 0,
  salesEndAt: Date.UTC(2100, 0, 1),
  orphan: "none",
  accessibleRelease: { when: "always" },
} as const;

let clock: VirtualClock;
let bus: InProcessBus;
let journal: FaultyJournal;
let fault: Fault;
let latency: number;
let shard: Shard;
let rids: number;
let owners = 0;

beforeEach(async () => {
  clock = new VirtualClock();
  bus = new InProcessBus({ clock, log });
  fault = "none";
  latency = 10;
  rids = 0;
  journal = new FaultyJournal({ clock, fault: () => fault, latency: () => latency });
  shard = await started();
  await told({ type: "open", plan: smallHall(24), rules: RULES });
});

async function started(
  more: Partial<Pick<ShardOptions, "acknowledgedSeq" | "commits" | "id" | "limits" | "proof" | "shards">> = {},
): Promise<Shard> {
  const made = new Shard({
    ...{
      id: 0,
      shards: 1,
      owner: `owner-${++owners}`,
      journal,
      commits: new GroupCommit(journal, clock),
      bus,
      clock,
      log,
      limits: LIMITS,
      acknowledgedSeq: 0,
      proof: { isFresh: true, renew: () => undefined },
    },
    onCommitted: () => undefined,
    onReplaced: () => undefined,
    ...more,
  });
  const starting = made.start({ once: true });
  starting.catch(() => undefined);
  await clock.advance(50);
  await starting;
  return made;
}

type Wish = Command extends infer Each
  ? Each extends Command
    ? Omit<Each, "showtime" | "holder" | "rid">
    : never
  : never;

const command = (wish: Wish, holder = anna): Command => ({ showtime, holder, rid: `r${++rids}` as RequestId, ...wish }); // The cast: short enough for a request id.

/** Hands requests to the shard; the answers are there once they have left it. */
function tell(...requests: Command[]): { replies?: readonly Reply[] } {
  const answer: { replies?: readonly Reply[] } = {};
  shard.handle({ requests }, ({ replies }) => {
    answer.replies = replies;
  });
  return answer;
}

async function told(wish: Wish, holder = anna): Promise<Reply> {
  const answer = tell(command(wish, holder));
  await clock.advance(latency + 1);
  const [reply] = answer.replies ?? [];
  if (reply === undefined) throw new Error(`no answer to ${wish.type}`);
  return reply;
}

const heldBy = async (seats: number[], holder = anna): Promise<Extract<Reply, { type: "held" }>> => {
  const reply = await told({ type: "hold", seats }, holder);
  if (reply.type !== "held") throw new Error(JSON.stringify(reply));
  return reply;
};

const timeLeft = async (hold: string): Promise<number> => {
  const answer: { reply?: Reply } = {};
  const query = {
    type: "get-hold",
    showtime,
    holder: anna,
    hold: hold as Extract<Reply, { type: "held" }>["hold"],
  } as const;
  shard.handle({ requests: [query] }, ({ replies: [reply] }) => {
    if (reply !== undefined) answer.reply = reply;
  });
  await clock.advance(latency + 1);
  return answer.reply?.type === "hold" ? answer.reply.expiresInMs : -1;
};

describe("a shard", () => {
  it("answers nothing before the commit, not even a refusal that rests on it (law 2)", async () => {
    const deltas: Delta[] = [];
    bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    latency = 100;
    const first = tell(command({ type: "hold", seats: [1, 2] }));
    const refused = tell(command({ type: "hold", seats: [2] }, bert));
    await clock.advance(99);
    expect([first.replies, refused.replies, deltas]).toEqual([undefined, undefined, []]);
    await clock.advance(2);
    expect(first.replies?.[0]?.type).toBe("held");
    expect(refused.replies?.[0]).toMatchObject({ type: "refused", code: "SEAT_TAKEN", seats: [2] });
    expect(deltas).toHaveLength(1);
  });

  it("keeps an answer back, given again or a refusal, while the commit that it rests on is under way and nothing else is open (law 2)", async () => {
    latency = 100;
    const wish = command({ type: "hold", seats: [1] });
    tell(wish);
    await clock.advance(50);
    const again = tell(wish);
    await clock.advance(20);
    const refused = tell(command({ type: "hold", seats: [1] }, bert));
    await clock.advance(20);
    expect([again.replies, refused.replies]).toEqual([undefined, undefined]);
    await clock.advance(20);
    expect(again.replies?.[0]).toMatchObject({ type: "held" });
    expect(refused.replies?.[0]).toMatchObject({ code: "SEAT_TAKEN" });
  });

  it("commits all that came while a commit was under way as one row, without waiting for a timer", async () => {
    const before = journal.durable(0).length;
    latency = 100;
    tell(command({ type: "hold", seats: [0] }));
    await clock.advance(50);
    for (let seat = 1; seat <= 5; seat++) tell(command({ type: "hold", seats: [seat] }));
    await clock.advance(250);
    expect(journal.durable(0).length - before).toBe(2);
  });

  it("says BUSY at once when its mailbox is full, and works on (law 6)", async () => {
    fault = "stall";
    tell(command({ type: "hold", seats: [0] }));
    await clock.advance(20);
    const batch = Array.from({ length: MAILBOX_MAX - 1 }, () => command({ type: "hold", seats: [0] }, bert));
    const fits = tell(...batch);
    const over = tell(command({ type: "hold", seats: [5] }, bert));
    expect(over.replies?.[0]).toMatchObject({ type: "refused", code: "BUSY" });
    expect(fits.replies).toBeUndefined();
    fault = "none";
    await clock.advance(5_000);
    expect(fits.replies).toHaveLength(MAILBOX_MAX - 1);
    expect(await told({ type: "hold", seats: [6] }, bert)).toMatchObject({ type: "held" });
  });

  it("numbers deltas without a gap, each with the checksum of its hall (law 5)", async () => {
    const deltas: Delta[] = [];
    bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    const held = await heldBy([3, 4]);
    await told({ type: "release", hold: held.hold, seats: [3] });
    await told({ type: "release", hold: held.hold });
    await clock.settle();
    expect(deltas.map(({ from, seq, changes }) => ({ from, seq, changes }))).toEqual([
      { from: 1, seq: 2, changes: [13, 17] },
      { from: 2, seq: 3, changes: [12] },
      { from: 3, seq: 4, changes: [16] },
    ]);
    expect(deltas.at(-1)?.checksum).toBe(0);
  });

  it("gives a view that the next delta goes on from, also when it is asked for in the middle of a batch (law 5)", async () => {
    const deltas: Delta[] = [];
    bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    latency = 100;
    tell(command({ type: "hold", seats: [0] }));
    await clock.advance(10);
    tell(command({ type: "hold", seats: [1] }));
    const views: Reply[] = [];
    shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => views.push(...replies));
    tell(command({ type: "hold", seats: [2] }));
    await clock.advance(150);
    tell(command({ type: "hold", seats: [3] }));
    await clock.advance(350);
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
    const other = { ...command({ type: "open", plan: smallHall(24), rules: RULES }), showtime: showtimeId("other") };
    tell(other);
    await heldBy([0]);
    latency = 100;
    const views: Reply[] = [];
    const look = (): void =>
      shard.handle({ requests: [{ type: "view", showtime, recent: true }] }, ({ replies }) => views.push(...replies));
    tell(command({ type: "hold", seats: [1] }));
    await clock.advance(10);
    look();
    tell(command({ type: "hold", seats: [2] }), command({ type: "hold", seats: [3] }));
    look();
    await clock.advance(500);
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
      fault = how;
      const request = command({ type: "hold", seats: [7] });
      const first = tell(request);
      await clock.advance(latency + 1);
      expect(first.replies?.[0]).toMatchObject({ type: "refused", code: "UNAVAILABLE" });
      fault = "none";
      await clock.advance(1_000);
      const second = tell(request);
      await clock.advance(latency + 1);
      const third = tell(request);
      await clock.advance(latency + 1);
      expect(second.replies?.[0]).toMatchObject({ type: "held", seats: [7] });
      expect(third.replies).toEqual(second.replies);
      const heldRows = (await settled(recover(journal, 0, () => undefined))).state.showtimes.get(showtime)?.holds.size;
      expect(heldRows).toBe(1);
    },
  );

  it("gives holds back when their time is over, and tells their holders", async () => {
    const notices: Notice[] = [];
    bus.subscribe(NOTICES, (message) => notices.push(...message.notices));
    const held = await heldBy([1]);
    await clock.advance(4_900);
    expect(notices).toEqual([]);
    await clock.advance(300);
    expect(notices).toEqual([{ type: "expired", holder: anna, hold: held.hold }]);
    expect(await heldBy([1], bert)).toMatchObject({ seats: [1] });
  });

  it("says of many whose time is over at once in messages that are not too long", async () => {
    const sizes: number[] = [];
    bus.subscribe(NOTICES, ({ notices }) => sizes.push(notices.length));
    const large = { showtime: showtimeId("st-large") };
    tell({ ...command({ type: "open", plan: smallHall(NOTICES_PER_MESSAGE_MAX + 10), rules: RULES }), ...large });
    for (let seat = 0; seat < NOTICES_PER_MESSAGE_MAX + 10; seat++) {
      tell({ ...command({ type: "hold", seats: [seat] }, holderId(`holder-${seat}`)), ...large });
    }
    await clock.advance(6_000);
    expect(sizes).toEqual([NOTICES_PER_MESSAGE_MAX, 10]);
  });

  it("lets a hold keep what was left of its time over an hour's outage, plus one to two seconds", async () => {
    const { hold } = await heldBy([1]);
    await clock.advance(3_000);
    const before = await timeLeft(hold);
    void shard.stop();
    await clock.advance(3_600_000);
    shard = await started();
    const after = await timeLeft(hold);
    expect(after).toBeGreaterThanOrEqual(before + RESUME_GRACE_MS - 100);
    expect(after).toBeLessThanOrEqual(before + 2_000);
  });

  it("gives back what the rest of the process took to start", async () => {
    const { hold } = await heldBy([1]);
    void shard.stop();
    shard = await started();
    const before = await timeLeft(hold);
    await clock.advance(2_000);
    shard.reachable();
    expect(await timeLeft(hold)).toBeGreaterThanOrEqual(before - 50);
  });

  it("never lets its clock run backwards, whatever happens to the wall clock", async () => {
    const { hold } = await heldBy([1]);
    clock.setForward(-3_600_000);
    shard = await started();
    const left = await timeLeft(hold);
    expect(left).toBeGreaterThan(4_000);
    expect(left).toBeLessThanOrEqual(5_000 + RESUME_GRACE_MS);
    const ats = journal.durable(0).map((row) => row.at);
    expect(ats).toEqual([...ats].sort((a, b) => a - b));
  });

  it("catches up with a wall clock that stays ahead, and takes no time from holds", async () => {
    const ahead = 9 * 3_600_000;
    const tomorrow = { showtime: showtimeId("st-tomorrow") };
    const rules = { ...RULES, salesStartAt: clock.now() + ahead };
    const holdTomorrow = async (): Promise<Reply | undefined> => {
      const answer = tell({ ...command({ type: "hold", seats: [1] }), ...tomorrow });
      await clock.advance(latency + 1);
      return answer.replies?.[0];
    };
    tell({ ...command({ type: "open", plan: smallHall(24), rules }), ...tomorrow });
    clock.setForward(ahead);
    await clock.advance(WALL_CLOCK_EVERY_MS);
    clock.setForward(-ahead); // Somebody's mistake, and undone.
    await clock.advance(WALL_CLOCK_EVERY_MS);
    expect(await holdTomorrow()).toMatchObject({ code: "SALE_CLOSED" });
    clock.setForward(ahead);
    await clock.advance(2 * WALL_CLOCK_EVERY_MS - 1_000);
    const { hold } = await heldBy([1]);
    const before = await timeLeft(hold);
    await clock.advance(2_000);
    expect(await holdTomorrow()).toMatchObject({ type: "held" });
    const took = before - (await timeLeft(hold));
    expect(took).toBeGreaterThanOrEqual(2_000);
    expect(took).toBeLessThanOrEqual(2_100);
    const left = await timeLeft(hold);
    shard = await started(); // As the journal has it.
    expect(await timeLeft(hold)).toBeGreaterThan(left - 100);
    expect(await timeLeft(hold)).toBeLessThanOrEqual(left + RESUME_GRACE_MS);
  });

  it("opens no showtime that is another shard's", async () => {
    shard = await started({ shards: 2 });
    const open = { type: "open", plan: smallHall(24), rules: RULES } as const;
    const own = Array.from({ length: 10 }, (_, at) => showtimeId(`st-${at}`)).map((each) => shardOf(each, 2) === 0);
    expect(new Set(own).size).toBe(2);
    for (const [at, isOwn] of own.entries()) {
      const answer = tell({ ...command(open), showtime: showtimeId(`st-${at}`) });
      await clock.advance(latency + 1);
      const refused = { type: "refused", code: "CONFLICT", message: expect.stringContaining("SHARDS") };
      expect(answer.replies).toMatchObject([isOwn ? { type: "done" } : refused]);
    }
  });

  it("takes over the operator's new limits", async () => {
    shard = await started({ limits: { ...LIMITS, maxSeatsPerHolder: 1 } });
    expect(await told({ type: "hold", seats: [1, 2] })).toMatchObject({ code: "LIMIT_REACHED" });
  });

  it("refuses to serve from a journal that has lost acknowledged rows", async () => {
    await expect(started({ acknowledgedSeq: 99 })).rejects.toThrow(/lost sales it had acknowledged/);
  });

  it("commits what others share with one whose seat is booked already, and they go on (law 1)", async () => {
    const commits = new GroupCommit(journal, clock);
    shard = await started({ commits });
    const other = await started({ commits, id: 1, shards: 2 });
    const others = Array.from({ length: 10 }, (_, at) => showtimeId(`st-${at}`)).find((id) => shardOf(id, 2) === 1);
    if (others === undefined) throw new Error("all are one shard's");
    const answers: Reply[] = [];
    const tellOther = (wish: Wish): void =>
      other.handle({ requests: [{ ...command(wish), showtime: others }] }, ({ replies }) => answers.push(...replies));
    tellOther({ type: "open", plan: smallHall(24), rules: RULES });
    const { hold } = await heldBy([9]);
    const { epoch } = other;
    journal.bookedSeats.set(`${showtime} 9`, bookingId("by-hand"));
    const refused = tell(command({ type: "confirm", hold, booking: bookingId("one"), seats: [9], reacquire: false }));
    tellOther({ type: "hold", seats: [1] });
    await clock.advance(3 * (latency + 1));
    expect(answers).toMatchObject([{ type: "done" }, { type: "held" }]);
    expect(refused.replies).toMatchObject([{ code: "UNAVAILABLE" }]);
    expect(other).toMatchObject({ phase: "serving", epoch });
  });

  it("writes a seat's net booking when it is booked, cancelled and booked again in one commit", async () => {
    const { hold } = await heldBy([9]);
    const [one, two] = [bookingId("one"), bookingId("two")];
    latency = 50;
    tell(command({ type: "hold", seats: [20] }, bert)); // Under way, so that all of these share the next commit.
    await clock.advance(10);
    tell(command({ type: "confirm", hold, booking: one, seats: [9], reacquire: false }));
    tell(command({ type: "cancel", booking: one }));
    tell(command({ type: "confirm", hold, booking: two, seats: [9], reacquire: true }));
    await clock.advance(200);
    expect([...journal.bookedSeats]).toEqual([[`${showtime} 9`, two]]);
  });

  it("recovers to the same state from a snapshot and the rows after it as from all rows", async () => {
    const { hold } = await heldBy([1, 2]);
    await told({ type: "release", hold, seats: [1] });
    const all = (await settled(recover(journal, 0, () => undefined))).state.encode();
    await settled(takeSnapshot(journal, 0, log));
    const fromSnapshot = await settled(recover(journal, 0, () => undefined));
    expect(fromSnapshot.snapshotSeq).toBe(journal.durable(0).length);
    expect(Buffer.from(fromSnapshot.state.encode())).toEqual(Buffer.from(all));
    await heldBy([8]);
    expect((await settled(recover(journal, 0, () => undefined))).state.showtimes.get(showtime)?.seq).toBe(4);
  });

  it("goes on from what was read earlier as from the beginning", async () => {
    await heldBy([1, 2]);
    await settled(takeSnapshot(journal, 0, log));
    await heldBy([4]);
    const before = await settled(recover(journal, 0, () => undefined));
    const { snapshotSeq, replayedBytes } = before;
    await heldBy([8]);
    const all = await settled(recover(journal, 0, () => undefined));
    const later = await settled(recover(journal, 0, () => undefined, { before }));
    expect(Buffer.from(later.state.encode())).toEqual(Buffer.from(all.state.encode()));
    expect(later).toMatchObject({ snapshotSeq, replayedBytes: all.replayedBytes });
    expect(replayedBytes).toBeLessThan(all.replayedBytes);
  });

  it("passes over a snapshot that does not read, and says so", async () => {
    await heldBy([1]);
    await settled(takeSnapshot(journal, 0, log));
    const [snapshot] = await settled(collect(journal.snapshots(0)));
    await journal.saveSnapshot({ shard: 0, seq: 99, bytes: (snapshot?.bytes ?? new Uint8Array()).slice(0, -3) });
    const unreadable: number[] = [];
    const { state } = await settled(recover(journal, 0, (seq) => unreadable.push(seq)));
    expect(unreadable).toEqual([99]);
    expect(state.seq).toBe(journal.durable(0).length);
  });

  it("does not remember a refusal that may go well when it is asked again", async () => {
    const limits = CORE_LIMITS as { holdersMax: number }; // The cast: for this test alone, since a million holders take too long.
    const { holdersMax } = limits;
    const request = command({ type: "hold", seats: [1] });
    limits.holdersMax = 0;
    const busy = tell(request);
    limits.holdersMax = holdersMax;
    await clock.advance(latency + 1);
    expect(busy.replies).toMatchObject([{ type: "refused", code: "BUSY" }]);
    const again = tell(request);
    await clock.advance(latency + 1);
    expect(again.replies).toMatchObject([{ type: "held", seats: [1] }]);
  });
});

describe("a shard whose ownership is in doubt", () => {
  it("answers nothing, not even a view, while PostgreSQL has not said lately that it is the owner (law 4)", async () => {
    await heldBy([1]);
    void shard.stop();
    shard = await started({ proof: new Proof(clock) });
    await clock.advance(PROOF_MS);
    const answers: Reply[] = [];
    shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => answers.push(...replies));
    expect(answers).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    expect(await told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "UNAVAILABLE" });
    shard.isProven(shard.epoch, clock.monotonic() - PROOF_MS - 1);
    expect(await told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "UNAVAILABLE" });
    shard.isProven(shard.epoch, clock.monotonic());
    expect(await told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "SEAT_TAKEN" });
  });

  it("does not take the claim for proof any more when it took long to read what is there (law 4)", async () => {
    void shard.stop();
    const rows = journal.rows.bind(journal);
    journal.rows = async function* (...which) {
      await new Promise<void>((resolve) => clock.after(2 * PROOF_MS, resolve));
      yield* rows(...which);
    };
    const starting = started({ proof: new Proof(clock) });
    await clock.advance(3 * PROOF_MS);
    shard = await starting;
    expect(shard.phase).toBe("serving");
    expect(await told({ type: "hold", seats: [1] })).toMatchObject({ code: "UNAVAILABLE" });
    shard.isProven(shard.epoch, clock.monotonic());
    expect(await told({ type: "hold", seats: [1] })).toMatchObject({ type: "held" });
  });

  it.each(["for the first time", "again"])(
    "refuses nothing %s that its next owner may carry out: the shard is its own still when the answer leaves (law 4)",
    async (time) => {
      const { hold } = await heldBy([0], bert);
      const wish = command({ type: "hold", seats: [0] });
      if (time === "again") {
        const unheard = tell(wish);
        await clock.advance(latency + 1);
        expect(unheard.replies).toMatchObject([{ code: "SEAT_TAKEN" }]);
      }
      const stale = shard;
      shard = await started(); // The first has not heard of it yet, nor of what comes now.
      expect(await told({ type: "release", hold }, bert)).toMatchObject({ type: "released" });
      const heard: Reply[] = [];
      for (const owner of [stale, shard]) {
        owner.handle({ requests: [wish] }, ({ replies: [reply] }) => void (reply && heard.push(reply)));
      }
      await clock.advance(2 * latency + 5);
      expect(heard.map((reply) => (reply.type === "refused" ? reply.code : reply.type)).sort()).toEqual([
        "UNAVAILABLE",
        "held",
      ]);
      expect(stale.phase).toBe("stopped");
    },
  );

  it("writes no row for a refusal, and says that it is away while PostgreSQL cannot say whose the shard is", async () => {
    await heldBy([0], bert);
    const rows = journal.durable(0).length;
    expect(await told({ type: "hold", seats: [0] })).toMatchObject({ code: "SEAT_TAKEN" });
    const { epochs } = journal;
    journal.epochs = () => Promise.reject(new Error("PostgreSQL is away"));
    const { epoch } = shard;
    expect(await told({ type: "hold", seats: [0] })).toMatchObject({ code: "UNAVAILABLE" });
    journal.epochs = epochs;
    expect(await told({ type: "hold", seats: [0] })).toMatchObject({ code: "SEAT_TAKEN" });
    expect(shard).toMatchObject({ phase: "serving", epoch });
    expect(journal.durable(0).length).toBe(rows);
  });

  it("does not take the shard back from another when a commit of its own has failed (law 4)", async () => {
    const stale = shard;
    latency = 100;
    fault = "fail";
    tell(command({ type: "hold", seats: [1] }));
    await clock.advance(1);
    fault = "none";
    shard = await started();
    await clock.advance(1_000);
    expect(stale.phase).toBe("stopped");
    expect(await told({ type: "hold", seats: [2] })).toMatchObject({ type: "held" });
  });

  it("stops when another says that it serves with a newer epoch, and not for an older one, nor its own", async () => {
    for (const epoch of [shard.epoch - 1, shard.epoch]) shard.isServedElsewhere(epoch);
    expect(shard.phase).toBe("serving");
    fault = "fail";
    tell(command({ type: "hold", seats: [1] }));
    await clock.advance(latency + 1);
    expect(shard.phase).toBe("recovering");
    shard.isServedElsewhere(shard.epoch + 1);
    await clock.advance(5_000);
    expect(shard.phase).toBe("stopped");
  });

  it("stops for good when another epoch is the newest, and tells who waits to ask again", async () => {
    latency = 100;
    const waiting = tell(command({ type: "hold", seats: [1] }));
    shard.isProven(shard.epoch, clock.monotonic());
    expect(shard.phase).toBe("serving");
    shard.isProven(shard.epoch + 1, clock.monotonic());
    expect(shard.phase).toBe("stopped");
    expect(waiting.replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    expect(tell(command({ type: "hold", seats: [2] })).replies).toMatchObject([{ code: "UNAVAILABLE" }]);
  });

  it.each(["none", "fail"] as const)("stays stopped however its last commit ends: %s", async (end) => {
    latency = 100;
    fault = end;
    tell(command({ type: "hold", seats: [1] }));
    await clock.settle();
    shard.isProven(shard.epoch + 1, clock.monotonic());
    const epochs = await settled(journal.epochs());
    await clock.advance(1_000);
    expect(shard.phase).toBe("stopped");
    expect(await settled(journal.epochs())).toEqual(epochs);
  });

  it("tells of a commit whoever can be told, and takes nothing back for the others", async () => {
    const { epoch } = shard;
    bus.publish = () => {
      throw new Error("the bus is closed");
    };
    shard.handle({ requests: [command({ type: "hold", seats: [1] })] }, () => {
      throw new Error("the edge is gone");
    });
    const others = tell(command({ type: "hold", seats: [2] }, bert));
    await clock.advance(latency + 1);
    expect(others.replies).toMatchObject([{ type: "held", seats: [2] }]);
    expect(shard).toMatchObject({ phase: "serving", epoch });
  });

  it("reads its journal again when an event does not fit its memory", async () => {
    await heldBy([1]);
    const { epoch } = shard;
    const monotonic = clock.monotonic.bind(clock);
    const early = monotonic() - 2 * latency; // Before the hold, and after the shard took over: against what a clock promises.
    clock.monotonic = () => early;
    expect(() => shard.reachable()).toThrow("time does not run backwards");
    clock.monotonic = monotonic;
    await clock.advance(50);
    expect(shard).toMatchObject({ phase: "serving", epoch: epoch + 1 });
    expect(await told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "SEAT_TAKEN" });
  });

  it("that leaves commits and answers what it has decided, and takes no more", async () => {
    latency = 100;
    const before = tell(command({ type: "hold", seats: [1] }));
    const stopping = shard.stop();
    const after = tell(command({ type: "hold", seats: [2] }));
    expect(after.replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    await clock.advance(latency + 1);
    await stopping;
    expect(before.replies).toMatchObject([{ type: "held", seats: [1] }]);
  });

  it("that leaves does not come back when its last commit fails", async () => {
    fault = "unknown-not-done";
    const epochs = await settled(journal.epochs());
    const last = tell(command({ type: "hold", seats: [1] }));
    const stopping = shard.stop();
    await clock.advance(1_000);
    await stopping;
    expect(last.replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    fault = "none";
    await clock.advance(1_000);
    expect(shard.phase).toBe("stopped");
    expect(await settled(journal.epochs())).toEqual(epochs);
  });
});

describe("a showtime that is over", () => {
  const LONG = 60_000 + CORE_LIMITS.archiveAfterMs + ARCHIVE_EVERY_MS;
  const archived = expect.stringContaining("archived");
  let over: SaleRules;

  beforeEach(() => {
    over = { ...RULES, salesEndAt: clock.now() + 60_000 };
  });

  it("is archived a day later, unseen by its viewers", async () => {
    await told({ type: "amend", rules: over });
    await heldBy([0]);
    const deltas: Delta[] = [];
    bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    await clock.advance(LONG);
    expect(await told({ type: "hold", seats: [0] })).toMatchObject({ code: "SALE_CLOSED", message: archived });
    expect(deltas).toHaveLength(1); // The hold's end.
    const views: Reply[] = [];
    shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => views.push(...replies));
    expect(views).toMatchObject([{ type: "refused", code: "NOT_FOUND" }]);
  });

  it("stays archived over snapshots and restarts, and is not opened anew", async () => {
    await told({ type: "amend", rules: over });
    await clock.advance(LONG);
    await settled(takeSnapshot(journal, 0, log));
    const { state } = await settled(recover(journal, 0, () => undefined));
    expect(state.showtimes.get(showtime)).toMatchObject({ phase: "archived", seq: 3 });
    const { answers, holds } = tombstoneOf({ id: showtime, seq: 3, at: 0 });
    expect(state.showtimes.get(showtime)?.answers).toBe(answers); // They are kept for good, so they are to be small.
    expect(state.showtimes.get(showtime)?.holds).toBe(holds);
    void shard.stop();
    shard = await started();
    expect(await told({ type: "open", plan: smallHall(24), rules: RULES })).toMatchObject({ message: archived });
  });

  it("is archived at once by a shard that was away for long", async () => {
    await told({ type: "amend", rules: over });
    void shard.stop();
    await clock.advance(LONG);
    shard = await started();
    expect(await told({ type: "hold", seats: [0] })).toMatchObject({ code: "SALE_CLOSED", message: archived });
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  await clock.advance(50);
  return promise;
}
