import { beforeEach, describe, expect, it } from "vitest";
import { holderId, NOTICES, type Notice, type Reply, showtimeId } from "../../proto/index.ts";
import { smallHall } from "../testing/small-hall.ts";
import {
  CLOCK_ROW_EVERY_MS,
  CLOCK_ROWS_TOGETHER_MS,
  NOTICES_PER_MESSAGE_MAX,
  RESUME_GRACE_MS,
  WALL_CLOCK_EVERY_MS,
} from "./limits.ts";
import { anna, bert, Desk, LIMITS, RULES } from "./testing/desk.ts";

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});

describe("a shard's time", () => {
  it("gives holds back when their time is over, and tells their holders", async () => {
    const notices: Notice[] = [];
    desk.bus.subscribe(NOTICES, (message) => notices.push(...message.notices));
    const held = await desk.heldBy([1]);
    await desk.clock.advance(4_900);
    expect(notices).toEqual([]);
    await desk.clock.advance(300);
    expect(notices).toEqual([{ type: "expired", holder: anna, hold: held.hold }]);
    expect(await desk.heldBy([1], bert)).toMatchObject({ seats: [1] });
  });

  it("says of many whose time is over at once in messages that are not too long", async () => {
    const sizes: number[] = [];
    desk.bus.subscribe(NOTICES, ({ notices }) => sizes.push(notices.length));
    const large = { showtime: showtimeId("st-large") };
    desk.tell({
      ...desk.command({ type: "open", plan: smallHall(NOTICES_PER_MESSAGE_MAX + 10), rules: RULES }),
      ...large,
    });
    for (let seat = 0; seat < NOTICES_PER_MESSAGE_MAX + 10; seat++) {
      desk.tell({ ...desk.command({ type: "hold", seats: [seat] }, holderId(`holder-${seat}`)), ...large });
    }
    await desk.clock.advance(6_000);
    expect(sizes).toEqual([NOTICES_PER_MESSAGE_MAX, 10]);
  });

  it("lets a hold keep what was left of its time over an hour's outage, plus one to two seconds", async () => {
    const { hold } = await desk.heldBy([1]);
    await desk.clock.advance(3_000);
    const before = await desk.timeLeft(hold);
    void desk.shard.stop();
    await desk.clock.advance(3_600_000);
    desk.shard = await desk.started();
    const after = await desk.timeLeft(hold);
    expect(after).toBeGreaterThanOrEqual(before + RESUME_GRACE_MS - 100);
    expect(after).toBeLessThanOrEqual(before + 2_000);
  });

  it("journals its time every second while a hold is alive, whenever something else was written last", async () => {
    await desk.heldBy([1]);
    await desk.clock.advance(600);
    await desk.told({ type: "hold", seats: [0] }, bert);
    const last = desk.journal.durable(0).length;
    await desk.clock.advance(1_200);
    expect(desk.journal.durable(0).length).toBeGreaterThan(last);
  });

  it("does so when other shards do, whenever each was written last, and never later than it must", async () => {
    for (const [seat, pause] of [137, 64].entries()) {
      await desk.heldBy([seat]);
      const before = desk.journal.durable(0).length;
      await desk.clock.advance(2 * CLOCK_ROW_EVERY_MS + pause);
      const [held = 0, ...times] = desk.journal
        .durable(0)
        .slice(before - 1)
        .map(({ at }) => at);
      expect(times.map((at) => at % CLOCK_ROWS_TOGETHER_MS)).toEqual([0, 0]);
      for (const [index, at] of times.entries()) {
        expect(at - (times[index - 1] ?? held)).toBeLessThanOrEqual(CLOCK_ROW_EVERY_MS);
      }
    }
  });

  /** What a hold has that is made right after an hour without an engine. */
  async function leftAfterAnOutage(): Promise<number> {
    void desk.shard.stop();
    await desk.clock.advance(3_600_000);
    desk.shard = await desk.started();
    return desk.timeLeft((await desk.heldBy([1])).hold);
  }

  it("winds up no clock that was over before an outage: the next hold has its full time", async () => {
    const { hold } = await desk.heldBy([1]);
    await desk.clock.advance(4_000);
    await desk.told({ type: "release", hold });
    await desk.clock.advance(60_000);
    expect(await leftAfterAnOutage()).toBeGreaterThan(LIMITS.holdTtlMs - 1_000);
  });

  it("winds up no clock that ended in the reign after, in which nobody held anything", async () => {
    const { hold } = await desk.heldBy([1]);
    await desk.clock.advance(4_000);
    await desk.told({ type: "release", hold });
    void desk.shard.stop();
    desk.shard = await desk.started();
    await desk.clock.advance(60_000);
    expect(await leftAfterAnOutage()).toBeGreaterThan(LIMITS.holdTtlMs - 1_000);
  });

  it("winds up no clock that ended after it had been given time back", async () => {
    const { hold } = await desk.heldBy([1]);
    await desk.told({ type: "release", hold });
    void desk.shard.stop();
    desk.shard = await desk.started();
    await desk.clock.advance(3_000);
    desk.shard.reachable();
    await desk.clock.advance(60_000);
    expect(await leftAfterAnOutage()).toBeGreaterThan(LIMITS.holdTtlMs - 1_000);
  });

  it("gives back what the rest of the process took to start", async () => {
    const { hold } = await desk.heldBy([1]);
    void desk.shard.stop();
    desk.shard = await desk.started();
    const before = await desk.timeLeft(hold);
    await desk.clock.advance(2_000);
    desk.shard.reachable();
    expect(await desk.timeLeft(hold)).toBeGreaterThanOrEqual(before - 50);
  });

  it("never lets its clock run backwards, whatever happens to the wall clock", async () => {
    const { hold } = await desk.heldBy([1]);
    desk.clock.setForward(-3_600_000);
    desk.shard = await desk.started();
    const left = await desk.timeLeft(hold);
    expect(left).toBeGreaterThan(4_000);
    expect(left).toBeLessThanOrEqual(5_000 + RESUME_GRACE_MS);
    const ats = desk.journal.durable(0).map((row) => row.at);
    expect(ats).toEqual([...ats].sort((a, b) => a - b));
  });

  it("catches up with a wall clock that stays ahead, and takes no time from holds", async () => {
    const ahead = 9 * 3_600_000;
    const tomorrow = { showtime: showtimeId("st-tomorrow") };
    const rules = { ...RULES, salesStartAt: desk.clock.now() + ahead };
    const holdTomorrow = async (): Promise<Reply | undefined> => {
      const answer = desk.tell({ ...desk.command({ type: "hold", seats: [1] }), ...tomorrow });
      await desk.clock.advance(desk.latency + 1);
      return answer.replies?.[0];
    };
    desk.tell({ ...desk.command({ type: "open", plan: smallHall(24), rules }), ...tomorrow });
    desk.clock.setForward(ahead);
    await desk.clock.advance(WALL_CLOCK_EVERY_MS);
    desk.clock.setForward(-ahead); // Somebody's mistake, and undone.
    await desk.clock.advance(WALL_CLOCK_EVERY_MS);
    expect(await holdTomorrow()).toMatchObject({ code: "SALE_CLOSED" });
    desk.clock.setForward(ahead);
    await desk.clock.advance(2 * WALL_CLOCK_EVERY_MS - 1_000);
    const { hold } = await desk.heldBy([1]);
    const before = await desk.timeLeft(hold);
    await desk.clock.advance(2_000);
    expect(await holdTomorrow()).toMatchObject({ type: "held" });
    const took = before - (await desk.timeLeft(hold));
    expect(took).toBeGreaterThanOrEqual(2_000);
    expect(took).toBeLessThanOrEqual(2_100);
    const left = await desk.timeLeft(hold);
    desk.shard = await desk.started(); // As the journal has it.
    expect(await desk.timeLeft(hold)).toBeGreaterThan(left - 100);
    expect(await desk.timeLeft(hold)).toBeLessThanOrEqual(left + RESUME_GRACE_MS);
  });
});
