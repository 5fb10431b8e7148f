import { beforeEach, describe, expect, it } from "vitest";
import { type Delta, deltasOf, type Reply, type RequestId, type SaleRules } from "../../proto/index.ts";
import { CORE_LIMITS } from "../core/limits.ts";
import { tombstoneOf } from "../core/state/state.ts";
import { takeSnapshot } from "../snapshot/take-snapshot.ts";
import { smallHall } from "../testing/small-hall.ts";
import { ARCHIVE_EVERY_MS, REFUSALS_MAX } from "./limits.ts";
import { Memory } from "./memory.ts";
import { RefusalMemory } from "./refusal-memory.ts";
import { recover, ShardState } from "./shard-state.ts";
import { anna, Desk, LIMITS, log, RULES, showtime, type Wish } from "./testing/desk.ts";

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});

describe("a showtime that is over", () => {
  const LONG = 60_000 + CORE_LIMITS.archiveAfterMs + ARCHIVE_EVERY_MS;
  const archived = expect.stringContaining("archived");
  let over: SaleRules;

  beforeEach(() => {
    over = { ...RULES, salesEndAt: desk.clock.now() + 60_000 };
  });

  it("is archived a day later, unseen by its viewers", async () => {
    await desk.told({ type: "amend", rules: over });
    await desk.heldBy([0]);
    const deltas: Delta[] = [];
    desk.bus.subscribe(deltasOf(showtime), (delta) => deltas.push(delta));
    await desk.clock.advance(LONG);
    expect(await desk.told({ type: "hold", seats: [0] })).toMatchObject({ code: "SALE_CLOSED", message: archived });
    expect(deltas).toHaveLength(1); // The hold's end.
    const views: Reply[] = [];
    desk.shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => views.push(...replies));
    expect(views).toMatchObject([{ type: "refused", code: "NOT_FOUND" }]);
  });

  it("stays archived over snapshots and restarts, and is not opened anew", async () => {
    await desk.told({ type: "amend", rules: over });
    await desk.clock.advance(LONG);
    await desk.settled(takeSnapshot(desk.journal, 0, log));
    const { state } = await desk.settled(recover(desk.journal, 0, () => undefined));
    expect(state.showtimes.get(showtime)).toMatchObject({ phase: "archived", seq: 3 });
    const { answers, holds } = tombstoneOf({ id: showtime, seq: 3, at: 0 });
    expect(state.showtimes.get(showtime)?.answers).toBe(answers); // They are kept for good, so they are to be small.
    expect(state.showtimes.get(showtime)?.holds).toBe(holds);
    void desk.shard.stop();
    desk.shard = await desk.started();
    expect(await desk.told({ type: "open", plan: smallHall(24), rules: RULES })).toMatchObject({ message: archived });
  });

  it("is archived at once by a shard that was away for long", async () => {
    await desk.told({ type: "amend", rules: over });
    void desk.shard.stop();
    await desk.clock.advance(LONG);
    desk.shard = await desk.started();
    expect(await desk.told({ type: "hold", seats: [0] })).toMatchObject({ code: "SALE_CLOSED", message: archived });
  });
});

it("what best available found out is forgotten at each look, and it finds the same again", () => {
  const seatsHeld = (look: (memory: Memory) => void) => {
    const state = new ShardState();
    const memory = new Memory({
      shard: 0,
      shards: 1,
      epoch: 1,
      state,
      limits: LIMITS,
      refusals: new RefusalMemory({ clock: desk.clock, max: REFUSALS_MAX }),
      onRecorded: () => undefined,
      onDeadline: () => undefined,
    });
    const replies: Reply[] = [];
    const ask = (wish: Wish): void => {
      const rid = `r${replies.length}` as RequestId; // The cast: it needs no parser.
      memory.carryOut({ ...wish, showtime, holder: anna, rid }, 1_000, replies);
    };
    ask({ type: "open", plan: smallHall(48), rules: RULES });
    ask({ type: "hold-best", count: 2 });
    const remembered = (): unknown => state.of(showtime).nearest.of("a wish", 1);
    const before = remembered();
    look(memory);
    const isKept = remembered() === before;
    ask({ type: "hold-best", count: 2 });
    return { isKept, seats: replies.map((reply) => (reply.type === "held" ? reply.seats : [])) };
  };
  const kept = seatsHeld(() => undefined);
  const forgotten = seatsHeld((memory) => memory.archive(1_000));
  expect([kept.isKept, forgotten.isKept]).toEqual([true, false]);
  expect(forgotten.seats).toEqual(kept.seats);
  expect(kept.seats.map((seats) => seats.length)).toEqual([0, 2, 2]);
});
