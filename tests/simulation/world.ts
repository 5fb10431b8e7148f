/**
 * A whole engine on a virtual clock, with a journal that misbehaves, a few holders who want the same seats, and a viewer. Everything
 * that leaves the engine is held against the journal at the instant it leaves. One seed, one history.
 */
import assert from "node:assert/strict";
import pino from "pino";
import { InProcessBus } from "../../platform/bus/index.ts";
import { VirtualClock } from "../../platform/clock/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import { seeded } from "../../platform/random/index.ts";
import { type Acknowledged, Engine, readRow, ShardState, takeSnapshot } from "../../engine/index.ts";
import type { ShowtimeState } from "../../engine/core/index.ts";
import {
  bookingId,
  checksumOf,
  type Command,
  type Delta,
  deltasOf,
  holderId,
  type HolderId,
  type HoldId,
  type Reply,
  type RequestId,
  shardOf,
  type ShowtimeId,
  showtimeId,
} from "../../proto/index.ts";
import { bookingsOf } from "./bookings-of.ts";
import { CutLine } from "./cut-line.ts";
import { DurableAnswers } from "./durable-answers.ts";
import { type Fault, FaultyJournal } from "../../engine/testing/faulty-journal.ts";
import { smallHall } from "../../engine/testing/small-hall.ts";
import { between, pick } from "./random.ts";

const SHARDS = 2;
const SEATS = 24;
const SHOWTIMES = ["st-a", "st-b", "st-c"].map(showtimeId);
const HOLDERS = Array.from({ length: 6 }, (_, number) => holderId(`holder-${number}`));
/** Far more than faults make it start anew. */
const ENGINES_MAX = 100;
const ADMIN = holderId("admin");
const LIMITS = { holdTtlMs: 5_000, holdMaxMs: 15_000, paymentTtlMs: 4_000, maxSeatsPerHolder: 6, maxExtensions: 2 };

export interface Breakage {
  /** What the harness breaks on purpose, to see that it would notice. */
  readonly withoutFence?: boolean;
  readonly answerEarly?: boolean;
}

export interface Tally {
  commands: number;
  outcomes: number;
  refusals: number;
  repeats: number;
  confirmed: number;
  cancelled: number;
  deltas: number;
  crashes: number;
  faults: number;
}

export const newTally = (): Tally => ({
  commands: 0,
  outcomes: 0,
  refusals: 0,
  repeats: 0,
  confirmed: 0,
  cancelled: 0,
  deltas: 0,
  crashes: 0,
  faults: 0,
});

export async function simulate(seed: number, steps: number, breakage: Breakage = {}): Promise<Tally> {
  const random = seeded(seed);
  const clock = new VirtualClock();
  const tally = newTally();
  let faulty = false;
  const journal = new FaultyJournal({
    clock,
    latency: () => 1 + 11 * random(),
    fault: () => {
      if (!faulty || random() > 0.05) return "none";
      tally.faults++;
      return pick<Fault>(random, ["fail", "unknown-done", "unknown-not-done", "stall", "late"]);
    },
  });
  if (breakage.withoutFence === true) journal.fenced = false;
  const failures: unknown[] = [];
  const check = (claim: () => void): void => {
    try {
      claim();
    } catch (error) {
      failures.push(error);
    }
  };

  /** What the engines say goes wrong is the journal's doing, and never their own. */
  const hear = (line: string): void => {
    if (process.env["SIM_LOG"] !== undefined) console.log(line);
    const { err } = JSON.parse(line) as { err?: { type: string; stack: string } }; // As pino writes it.
    check(() => assert(!/^(BrokenInvariant|CorruptBytes|RangeError|TypeError)$/.test(err?.type ?? ""), err?.stack));
  };
  const log = pino({ level: process.env["SIM_LOG"] ?? "error" }, { write: hear });
  const bus = new InProcessBus({ clock, log, encode: random() < 0.3 });

  let acknowledged: ReadonlyMap<number, Acknowledged> = new Map();
  const witness = {
    read: () => Promise.resolve(acknowledged),
    write: (rows: ReadonlyMap<number, Acknowledged>) => {
      acknowledged = rows;
      return Promise.resolve();
    },
  };
  let engines = 0;
  const startEngine = async (): Promise<{ engine: Engine; line: CutLine }> => {
    for (;;) {
      assert(engines < ENGINES_MAX, "one engine after another is replaced");
      const line = new CutLine(bus);
      const engine = new Engine({
        id: `engine-${++engines}`,
        journal: breakage.answerEarly === true ? impatient(journal) : journal,
        snapshots: { take: (shard) => takeSnapshot(journal, shard, log), close: () => Promise.resolve() },
        witness,
        bus: line,
        clock,
        log,
        metrics: createMetrics("simulation", { ofProcess: false }),
        shards: SHARDS,
        limits: LIMITS,
        // A supervisor starts the one that serves again.
        onReplaced: () => {
          const again = (): void => void (line.isWhole && restart().catch((error: unknown) => failures.push(error)));
          clock.after(20, again);
        },
      });
      try {
        await engine.start();
        return { engine, line };
      } catch {
        line.cut();
        // A fault at the claim: an operator, or a supervisor, starts it again.
      }
    }
  };

  /** As the journal has it when the showtime is at `seq`; `undefined` when it does not get there. */
  const durableAt = (showtime: ShowtimeId, seq: number): ShowtimeState | undefined => {
    const shard = new ShardState();
    for (const row of journal.durable(shardOf(showtime, SHARDS))) {
      shard.apply(row);
      const state = shard.showtimes.get(showtime);
      if (state !== undefined && state.seq >= seq) return state;
    }
    return undefined;
  };

  const client = new EngineClient({ bus, clock, shards: SHARDS, sells: true, timeoutMs: 2_000, inFlightMax: 10_000 });
  /** What anybody was given and has not released; its booking's id is made of its own. */
  const holds = new Map<HoldId, { readonly holder: HolderId; readonly seats: readonly number[] }>();
  let rids = 0;

  const tell = async (command: Command): Promise<Reply> => {
    tally.commands++;
    for (;;) {
      const reply = await client.ask(command);
      if (isAway(reply)) continue;
      checkAnswer(command, reply);
      return reply;
    }
  };

  /** Law 2: whatever was answered rests on what is durable at this instant. */
  const checkAnswer = (command: Command, reply: Reply): void => {
    const shard = shardOf(command.showtime, SHARDS);
    if (reply.type === "refused") {
      tally.refusals++;
      if (reply.code !== "SEAT_TAKEN") return;
      const everTaken = new Set<number>();
      for (const { events } of journal.durable(shard)) {
        readRow(events, (showtime, event) => {
          if (showtime !== command.showtime) return;
          // Late money takes seats that nobody holds.
          if (event.type === "held" || event.type === "confirmed" || event.type === "blocked")
            for (const seat of event.seats) everTaken.add(seat);
        });
      }
      check(() =>
        assert(
          reply.seats?.every((seat) => everTaken.has(seat)),
          "a refusal rests on what is not durable",
        ),
      );
      return;
    }
    if (reply.type === "view" || reply.type === "hold") return;
    tally.outcomes++;
    const answers = new DurableAnswers();
    for (const row of journal.durable(shard)) answers.learn(row);
    check(() => answers.check(command, reply));
  };

  for (const showtime of SHOWTIMES) {
    let before: Delta | undefined;
    bus.subscribe(deltasOf(showtime), (delta: Delta) => {
      tally.deltas++;
      const state = durableAt(showtime, delta.seq);
      check(() => {
        assert(state, "a delta that is not durable was shown");
        assert.equal(delta.checksum, checksumOf(state.status), "a delta leads to another hall than the journal's");
        if (before?.epoch === delta.epoch) assert.equal(delta.from, before.seq, "the stream of deltas has a gap");
      });
      before = delta;
    });
  }

  const act = async (): Promise<void> => {
    const showtime = pick(random, SHOWTIMES);
    const holder = pick(random, HOLDERS);
    const rid = `r${++rids}` as RequestId; // Within the length of a request id.
    const addressed = { showtime, holder, rid };
    const own = [...holds].filter(([, held]) => held.holder === holder);
    const dice = random();
    let command: Command;
    if (dice < 0.03) {
      const seats = [between(random, 0, SEATS - 1)];
      command = { type: random() < 0.5 ? "block" : "unblock", seats, showtime, holder: ADMIN, rid };
    } else if (own.length === 0 || dice < 0.5) {
      const first = between(random, 0, SEATS - 1);
      const seats = [first, first + 1, first + 2].slice(0, between(random, 1, 3)).filter((seat) => seat < SEATS);
      command = random() < 0.8 ? { type: "hold", seats, ...addressed } : { type: "hold-best", count: 2, ...addressed };
    } else {
      const [hold, { seats }] = pick(random, own);
      const at = { ...addressed, showtime: showtimeId(hold.split(".")[0] ?? ""), hold };
      const booking = bookingId(`b-${hold.replace(".", "-")}`);
      if (dice < 0.6) command = { type: "release", ...at };
      else if (dice < 0.68) command = { type: "extend", ...at };
      else if (dice < 0.76) command = { type: "pin", booking, ...at };
      else if (dice < 0.78) command = { type: "confirm", booking, seats: [0], reacquire: false, ...at };
      else if (dice < 0.9) command = { type: "confirm", booking, seats, reacquire: random() < 0.5, ...at };
      else command = { type: "cancel", booking, ...(random() < 0.3 && { seats: seats.slice(0, 1) }), ...at };
    }
    const reply = await tell(command);
    if (reply.type === "held") holds.set(reply.hold, { holder, seats: reply.seats });
    if (reply.type === "released") holds.delete(reply.hold);
    if (reply.type === "confirmed") tally.confirmed++;
    if (reply.type === "cancelled" && reply.seats.length > 0) tally.cancelled++;
    if (random() < 0.1 && reply.type !== "refused" && reply.type !== "pinned") {
      tally.repeats++;
      const again = await tell(command);
      // What a booking is told of itself again is how it is by then.
      if (!("booking" in command)) check(() => assert.deepEqual(again, reply, "the same request got another answer"));
    }
  };

  let restarting: Promise<void> | undefined;
  const restart = (): Promise<void> => {
    running.line.cut(); // It goes on for itself, and may try to write: the fence is all that stops it.
    restarting ??= startEngine().then((started) => {
      running = started;
      restarting = undefined;
    });
    return restarting;
  };
  let running = await settled(clock, startEngine());
  for (const showtime of SHOWTIMES) {
    await settled(
      clock,
      tell({
        type: "open",
        plan: smallHall(SEATS),
        rules: OPEN_RULES,
        showtime,
        holder: holderId("catalog"),
        rid: "open" as RequestId,
      }),
    );
  }
  faulty = breakage.answerEarly !== true;
  const underWay = new Set<Promise<void>>();
  for (let step = 0; step < steps; step++) {
    const action = act();
    underWay.add(action);
    void action.finally(() => underWay.delete(action));
    if (random() < 0.4) await clock.advance(between(random, 0, 40));
    if (random() < 0.005) await clock.advance(between(random, 1_000, 8_000));
    if (random() < 0.01) clock.setForward(between(random, -60_000, 60_000));
    if (random() < 0.01)
      await settled(
        clock,
        takeSnapshot(journal, between(random, 0, SHARDS - 1), log).catch(() => undefined),
      );
    if (random() < 0.01) {
      tally.crashes++;
      await settled(clock, restart());
      // What was held runs out with the one that was cut off, too.
      if (random() < 0.3) await clock.advance(between(random, 0, LIMITS.holdTtlMs));
    }
  }
  faulty = false;
  await settled(clock, Promise.all(underWay));
  await clock.advance(100);

  for (const showtime of SHOWTIMES) {
    let view = await settled(clock, client.ask({ type: "view", showtime }));
    while (isAway(view)) view = await settled(clock, client.ask({ type: "view", showtime }));
    check(() => {
      assert(view.type === "view", `no view at the end: ${JSON.stringify(view)}`);
      const state = durableAt(showtime, view.seq);
      assert(state, "a view that is not durable was given");
      assert.deepEqual([...view.statuses], [...state.status], "memory and journal differ at the end");
      assert.deepEqual(journal.bookingsOf(showtime), bookingsOf(state), "the seats' bookings are not the journal's");
      assert.equal(view.checksum, checksumOf(view.statuses));
    });
  }
  await settled(clock, running.engine.stop());
  await bus.close();
  if (failures.length > 0) throw new Error(`seed ${seed}: ${String(failures[0])}`, { cause: failures[0] });
  return tally;
}

const isAway = (reply: Reply): boolean =>
  reply.type === "refused" && (reply.code === "UNAVAILABLE" || reply.code === "BUSY");

const OPEN_RULES = {
  salesStartAt: 0,
  salesEndAt: Date.UTC(2030, 0, 1),
  orphan: "none",
  accessibleRelease: { when: "always" },
} as const;

/** Lets virtual time go by until the promise settles. */
async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let done = false;
  const finish = (): void => {
    done = true;
  };
  promise.then(finish, finish);
  for (let ms = 0; !done; ms += 5) {
    assert(ms < 120_000, "nothing settles within two virtual minutes");
    await clock.advance(5);
  }
  return promise;
}

/** Breaks law 2: says "written" before it is. */
function impatient(journal: FaultyJournal): FaultyJournal {
  let last: Promise<unknown> = Promise.resolve();
  return new Proxy(journal, {
    get(target, field) {
      if (field === "commit") {
        return (commits: Parameters<FaultyJournal["commit"]>[0]) => {
          last = last.then(() => target.commit(commits)).catch(() => undefined);
          return Promise.resolve(commits.map((commit) => commit.shard));
        };
      }
      const value: unknown = Reflect.get(target, field, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
