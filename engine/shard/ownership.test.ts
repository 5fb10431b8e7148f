import pino from "pino";
import { beforeEach, describe, expect, it } from "vitest";
import { sleep } from "../../platform/clock/index.ts";
import { holderId, type Reply } from "../../proto/index.ts";
import { PROOF_MS } from "./limits.ts";
import { Proof } from "./proof.ts";
import { anna, bert, Desk, LIMITS, showtime } from "./testing/desk.ts";

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});

describe("a shard whose ownership is in doubt", () => {
  it("answers nothing, not even a view, while PostgreSQL has not said lately that it is the owner (law 4)", async () => {
    // Not held: no clock runs, so that nothing is committed meanwhile, which would say so as well.
    await desk.told({ type: "block", seats: [1] });
    void desk.shard.stop();
    desk.shard = await desk.started({ proof: new Proof(desk.clock) });
    await desk.clock.advance(PROOF_MS);
    const answers: Reply[] = [];
    desk.shard.handle({ requests: [{ type: "view", showtime }] }, ({ replies }) => answers.push(...replies));
    expect(answers).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    expect(await desk.told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "UNAVAILABLE" });
    desk.shard.noteEpoch(desk.shard.epoch, desk.clock.monotonic() - PROOF_MS - 1);
    expect(await desk.told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "UNAVAILABLE" });
    desk.shard.noteEpoch(desk.shard.epoch, desk.clock.monotonic());
    expect(await desk.told({ type: "hold", seats: [1] }, bert)).toMatchObject({ code: "SEAT_TAKEN" });
  });

  it("is its owner's still when PostgreSQL took a commit for it, though it does not say who owns what", async () => {
    void desk.shard.stop();
    desk.shard = await desk.started({ proof: new Proof(desk.clock) });
    const { hold } = await desk.heldBy([1]); // From here on a row a second says what time it is.
    await desk.clock.advance(3 * PROOF_MS);
    const before = await desk.timeLeft(hold);
    expect(before).toBeGreaterThan(0);
    expect(await desk.told({ type: "extend", hold })).toMatchObject({ type: "extended" });
  });

  it("does not take the claim for proof any more when it took long to read what is there (law 4)", async () => {
    void desk.shard.stop();
    const rows = desk.journal.rows.bind(desk.journal);
    desk.journal.rows = async function* (...which) {
      await sleep(desk.clock, 2 * PROOF_MS);
      yield* rows(...which);
    };
    const starting = desk.started({ proof: new Proof(desk.clock) });
    await desk.clock.advance(3 * PROOF_MS);
    desk.shard = await starting;
    expect(desk.shard.phase).toBe("serving");
    expect(await desk.told({ type: "hold", seats: [1] })).toMatchObject({ code: "UNAVAILABLE" });
    desk.shard.noteEpoch(desk.shard.epoch, desk.clock.monotonic());
    expect(await desk.told({ type: "hold", seats: [1] })).toMatchObject({ type: "held" });
  });

  it.each(["for the first time", "again"])(
    "refuses nothing %s that its next owner may carry out: the shard is its own still when the answer leaves (law 4)",
    async (time) => {
      const { hold } = await desk.heldBy([0], bert);
      const wish = desk.command({ type: "hold", seats: [0] });
      if (time === "again") {
        const unheard = desk.tell(wish);
        await desk.clock.advance(desk.latency + 1);
        expect(unheard.replies).toMatchObject([{ code: "SEAT_TAKEN" }]);
      }
      const stale = desk.shard;
      desk.shard = await desk.started(); // The first has not heard of it yet, nor of what comes now.
      expect(await desk.told({ type: "release", hold }, bert)).toMatchObject({ type: "released" });
      const heard: Reply[] = [];
      for (const owner of [stale, desk.shard]) {
        owner.handle({ requests: [wish] }, ({ replies: [reply] }) => void (reply && heard.push(reply)));
      }
      await desk.clock.advance(2 * desk.latency + 5);
      expect(heard.map((reply) => (reply.type === "refused" ? reply.code : reply.type)).sort()).toEqual([
        "UNAVAILABLE",
        "held",
      ]);
      expect(stale.phase).toBe("stopped");
    },
  );

  it("does not say that there is no such hold when its next owner has made it (law 4)", async () => {
    const stale = desk.shard;
    desk.shard = await desk.started();
    const { hold } = await desk.heldBy([1]);
    const heard: Reply[] = [];
    const query = { type: "get-hold", showtime, holder: anna, hold } as const;
    stale.handle({ requests: [query] }, ({ replies }) => heard.push(...replies));
    await desk.clock.advance(desk.latency + 5);
    expect(heard).toMatchObject([{ code: "UNAVAILABLE" }]);
    expect(await desk.timeLeft(hold)).toBeGreaterThan(0);
  });

  it("writes no row for a refusal, and says that it is away while PostgreSQL cannot say whose the shard is", async () => {
    await desk.heldBy([0], bert);
    const rows = desk.journal.durable(0).length;
    expect(await desk.told({ type: "hold", seats: [0] })).toMatchObject({ code: "SEAT_TAKEN" });
    const { epochs } = desk.journal;
    desk.journal.epochs = () => Promise.reject(new Error("PostgreSQL is away"));
    const { epoch } = desk.shard;
    expect(await desk.told({ type: "hold", seats: [0] })).toMatchObject({ code: "UNAVAILABLE" });
    desk.journal.epochs = epochs;
    expect(await desk.told({ type: "hold", seats: [0] })).toMatchObject({ code: "SEAT_TAKEN" });
    expect(desk.shard).toMatchObject({ phase: "serving", epoch });
    expect(desk.journal.durable(0).length).toBe(rows);
  });

  it("does not take the shard back from another when a commit of its own has failed (law 4)", async () => {
    const stale = desk.shard;
    desk.latency = 100;
    desk.fault = "fail";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(1);
    desk.fault = "none";
    desk.shard = await desk.started();
    await desk.clock.advance(1_000);
    expect(stale.phase).toBe("stopped");
    expect(await desk.told({ type: "hold", seats: [2] })).toMatchObject({ type: "held" });
  });

  it("says once why it cannot be recovered, however often it tries, and serves when it can be", async () => {
    const said: string[] = [];
    const write = (line: string): void => {
      const { msg, err } = JSON.parse(line) as { msg: string; err: { message: string } }; // As pino writes it.
      if (msg === "the shard cannot be recovered yet") said.push(err.message);
    };
    void desk.shard.stop();
    desk.shard = await desk.started({ log: pino({ level: "info" }, { write }) });
    const { reclaim } = desk.journal;
    let tries = 0;
    let why = "PostgreSQL is away";
    desk.journal.reclaim = () => {
      tries++;
      return Promise.reject(new Error(why));
    };
    desk.fault = "fail";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(3_000);
    why = "PostgreSQL is starting up";
    await desk.clock.advance(3_000);
    expect(tries).toBeGreaterThan(5);
    expect(said).toEqual(["PostgreSQL is away", "PostgreSQL is starting up"]);
    desk.fault = "none";
    desk.journal.reclaim = reclaim;
    await desk.clock.advance(2_000);
    expect(await desk.told({ type: "hold", seats: [2] })).toMatchObject({ type: "held" });
  });

  it("stops when another says that it serves with a newer epoch, and not for an older one, nor its own", async () => {
    for (const epoch of [desk.shard.epoch - 1, desk.shard.epoch]) desk.shard.noteServedElsewhere(epoch);
    expect(desk.shard.phase).toBe("serving");
    desk.fault = "fail";
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.advance(desk.latency + 1);
    expect(desk.shard.phase).toBe("recovering");
    desk.shard.noteServedElsewhere(desk.shard.epoch + 1);
    await desk.clock.advance(5_000);
    expect(desk.shard.phase).toBe("stopped");
  });

  it("stops for good when another epoch is the newest, and tells who waits to ask again", async () => {
    desk.latency = 100;
    const waiting = desk.tell(desk.command({ type: "hold", seats: [1] }));
    desk.shard.noteEpoch(desk.shard.epoch, desk.clock.monotonic());
    expect(desk.shard.phase).toBe("serving");
    desk.shard.noteEpoch(desk.shard.epoch + 1, desk.clock.monotonic());
    expect(desk.shard.phase).toBe("stopped");
    expect(waiting.replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    expect(desk.tell(desk.command({ type: "hold", seats: [2] })).replies).toMatchObject([{ code: "UNAVAILABLE" }]);
  });

  it.each(["none", "fail"] as const)("stays stopped however its last commit ends: %s", async (end) => {
    desk.latency = 100;
    desk.fault = end;
    desk.tell(desk.command({ type: "hold", seats: [1] }));
    await desk.clock.settle();
    desk.shard.noteEpoch(desk.shard.epoch + 1, desk.clock.monotonic());
    const epochs = await desk.settled(desk.journal.epochs());
    await desk.clock.advance(1_000);
    expect(desk.shard.phase).toBe("stopped");
    expect(await desk.settled(desk.journal.epochs())).toEqual(epochs);
  });

  it("tells of a commit whoever can be told, and takes nothing back for the others", async () => {
    const { epoch } = desk.shard;
    desk.bus.publish = () => {
      throw new Error("the bus is closed");
    };
    desk.shard.handle({ requests: [desk.command({ type: "hold", seats: [1] })] }, () => {
      throw new Error("the edge is gone");
    });
    const others = desk.tell(desk.command({ type: "hold", seats: [2] }, bert));
    await desk.clock.advance(desk.latency + 1);
    expect(others.replies).toMatchObject([{ type: "held", seats: [2] }]);
    expect(desk.shard).toMatchObject({ phase: "serving", epoch });
  });

  /** For as long as `work` runs the shard's clock is off, against what a clock promises. */
  async function timeShifted<T>(byMs: number, work: () => T): Promise<Awaited<T>> {
    const monotonic = desk.clock.monotonic.bind(desk.clock);
    desk.clock.monotonic = () => monotonic() + byMs;
    const result = await work();
    desk.clock.monotonic = monotonic;
    return result;
  }

  it.each([
    ["of the time that it was out of reach", 1, () => timeShifted(-2 * desk.latency, () => desk.shard.reachable())],
    [
      "of a command, which is to be asked for again",
      1,
      async () => {
        const { replies } = await timeShifted(-2 * desk.latency, () =>
          desk.tell(desk.command({ type: "hold", seats: [2] })),
        );
        expect(replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
      },
    ],
    [
      "of a hold that runs out, when nobody asks",
      2,
      async () => {
        await timeShifted(100_000, () => desk.told({ type: "hold", seats: [2] }, bert));
        await desk.clock.advance(LIMITS.holdTtlMs);
      },
    ],
  ])("reads its journal again when an event does not fit its memory: %s", async (_which, held, breakIt) => {
    await desk.heldBy([1]);
    const { epoch } = desk.shard;
    await breakIt();
    await desk.clock.advance(50);
    expect([desk.shard.phase, desk.shard.epoch]).toEqual(["serving", epoch + 1]);
    expect(await desk.told({ type: "hold", seats: [held] }, holderId("cleo"))).toMatchObject({ code: "SEAT_TAKEN" });
  });

  it("that leaves commits and answers what it has decided, and takes no more", async () => {
    desk.latency = 100;
    const before = desk.tell(desk.command({ type: "hold", seats: [1] }));
    const stopping = desk.shard.stop();
    const after = desk.tell(desk.command({ type: "hold", seats: [2] }));
    expect(after.replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    await desk.clock.advance(desk.latency + 1);
    await stopping;
    expect(before.replies).toMatchObject([{ type: "held", seats: [1] }]);
  });

  it("that leaves does not come back when its last commit fails", async () => {
    desk.fault = "unknown-not-done";
    const epochs = await desk.settled(desk.journal.epochs());
    const last = desk.tell(desk.command({ type: "hold", seats: [1] }));
    const stopping = desk.shard.stop();
    await desk.clock.advance(1_000);
    await stopping;
    expect(last.replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    desk.fault = "none";
    await desk.clock.advance(1_000);
    expect(desk.shard.phase).toBe("stopped");
    expect(await desk.settled(desk.journal.epochs())).toEqual(epochs);
  });
});
