/**
 * The engine's core alone, on one thread: no bus, no journal, no socket. Commands are made before the clock starts, each with a
 * request id of its own; what is measured is `decide` and `evolve`, and for the replay `decodeEvent` and `evolve`.
 */
import {
  ByteReader,
  ByteWriter,
  decodeEvent,
  encodeEvent,
  holderId,
  holdIdOf,
  showtimeId,
  type Command,
  type Event,
  type HallPlan,
  type HoldId,
  type RequestId,
  type SaleLimits,
} from "../proto/index.ts";
import { createShowtime, decide, decodeState, encodeState, evolve, type ShowtimeState } from "../engine/core/index.ts";

const SHOWTIME = showtimeId("bench");
const START = 1_800_000_000_000;
const LIMITS: SaleLimits = {
  holdTtlMs: 300_000,
  holdMaxMs: 900_000,
  paymentTtlMs: 300_000,
  maxSeatsPerHolder: 8,
  maxExtensions: 3,
};
const HOLDERS = 10_000;
const COMMANDS_PER_MS = 1_000;
const ROUNDS = 7;
const WARM_UPS = 3;

const HALLS = { "480 seats": plan(20, 24), "20,000 seats": plan(125, 160) };

/**
 * Prints a table: the median and the spread of the rounds by the clock, and the median by CPU time (the garbage collector's threads
 * included), which says what a core does where others want it too.
 */
export function core(): void {
  const rows: Record<string, Record<string, string>> = {};
  const measure = (what: string, count: number, prepare: () => () => void) => {
    const rates: number[] = [];
    const cpuRates: number[] = [];
    for (let round = 0; round < WARM_UPS + ROUNDS; round++) {
      const run = prepare();
      const cpuBefore = process.cpuUsage();
      const before = performance.now();
      run();
      const seconds = (performance.now() - before) / 1000;
      const cpu = process.cpuUsage(cpuBefore);
      if (round < WARM_UPS) continue;
      rates.push(count / seconds);
      cpuRates.push((count * 1e6) / (cpu.user + cpu.system));
    }
    rates.sort((a, b) => a - b);
    cpuRates.sort((a, b) => a - b);
    rows[what] = {
      median: perSecond(rates[ROUNDS >> 1]),
      slowest: perSecond(rates[0]),
      fastest: perSecond(rates[ROUNDS - 1]),
      "median a CPU second": perSecond(cpuRates[ROUNDS >> 1]),
    };
  };

  for (const [name, hall] of Object.entries(HALLS)) {
    const pairs = 100_000;
    // One showtime for all rounds: what is measured is a sale that has been going on for a while.
    const onSale = opened(hall);
    const threeSeats = (pair: number): Command => {
      const first = (pair * 3) % (hall.row.length - 3);
      return holdSeats(pair, [first, first + 1, first + 2]);
    };
    measure(`hold of 3 and release, ${name}: decisions`, pairs * 2, () => {
      const commands = holdsAndReleases(onSale, pairs, threeSeats);
      return () => carryOut(onSale, commands);
    });
    const replica = opened(hall);
    const original = opened(hall);
    measure(`replay, ${name}: events`, pairs * 2, () => {
      const bytes = journalOf(original, holdsAndReleases(original, pairs, threeSeats));
      return () => replay(replica, bytes, pairs * 2);
    });
    const allHeld = encodeState(heldHall(hall, 1));
    measure(`taken seats refused, ${name}: decisions`, pairs, () => {
      const state = decodeState(allHeld);
      const commands = Array.from({ length: pairs }, (_, at) => holdSeats(at, [(at * 7) % hall.row.length]));
      return () => carryOut(state, commands);
    });
    for (const share of [0, 0.5, 0.9]) {
      const wishes = 2_000;
      const partlyHeld = encodeState(heldHall(hall, share));
      measure(`best 3 and release, ${name}, ${share * 100}% held: decisions`, wishes * 2, () => {
        const state = decodeState(partlyHeld);
        const commands = holdsAndReleases(state, wishes, (pair) => holdBest(pair, 3));
        return () => carryOut(state, commands);
      });
    }
  }
  const state = heldHall(HALLS["20,000 seats"], 0.9);
  measure(`snapshot of 20,000 seats, 90% held, written and read: snapshots`, 20, () => () => {
    for (let times = 20; times > 0; times--) decodeState(encodeState(state));
  });
  console.table(rows);
}

const perSecond = (rate: number | undefined): string => `${Math.round(rate ?? 0).toLocaleString("en")}/s`;

/** Whom the `at`-th command is from. The cast: a request id of a bench needs no parser. */
const askerOf = (at: number) => ({
  holder: holderId(flat(`holder-of-a-seat-${at % HOLDERS}`)),
  rid: flat(`request-${at}`) as RequestId,
});

// Each command is one literal, as the edge makes them: V8 reads the properties of an object that was spread together far slower.
function holdSeats(at: number, seats: readonly number[]): Command {
  const { holder, rid } = askerOf(at);
  return { type: "hold", showtime: SHOWTIME, holder, rid, seats };
}

function holdBest(at: number, count: number): Command {
  const { holder, rid } = askerOf(at);
  return { type: "hold-best", showtime: SHOWTIME, holder, rid, count };
}

/** A string of its own characters, as one that came from a socket; V8 keeps a concatenated one in pieces until it is read. */
const flat = (text: string): string => Buffer.from(text).toString("latin1");

/** The cast: it is a hold id, only flat. */
const heldAs = (number: number): HoldId => flat(holdIdOf(SHOWTIME, number)) as HoldId;

function holdsAndReleases(state: ShowtimeState, pairs: number, hold: (pair: number) => Command): Command[] {
  const commands: Command[] = [];
  for (let pair = state.nextNumber; pair < state.nextNumber + pairs; pair++) {
    const held = hold(pair);
    const rid = flat(`release-${pair}`) as RequestId; // As above.
    commands.push(held, { type: "release", hold: heldAs(pair), showtime: SHOWTIME, holder: held.holder, rid });
  }
  return commands;
}

function carryOut(state: ShowtimeState, commands: readonly Command[], events?: Event[]): void {
  const changes: number[] = [];
  const start = Math.max(START, state.at);
  for (let at = 0; at < commands.length; at++) {
    const next = commands[at];
    if (next === undefined) continue;
    const decision = decide(state, next, start + Math.floor(at / COMMANDS_PER_MS), LIMITS);
    if (decision.kind !== "event") continue;
    changes.length = 0;
    evolve(state, decision.event, changes);
    events?.push(decision.event);
  }
}

function journalOf(state: ShowtimeState, commands: readonly Command[]): Uint8Array {
  const events: Event[] = [];
  carryOut(state, commands, events);
  if (events.length !== commands.length)
    throw new Error(`only ${events.length} of ${commands.length} were carried out`);
  const out = new ByteWriter(1 << 20);
  for (const event of events) encodeEvent(out, event);
  return out.finish();
}

function replay(state: ShowtimeState, bytes: Uint8Array, events: number): void {
  const reader = new ByteReader(bytes);
  for (let left = events; left > 0; left--) evolve(state, decodeEvent(reader));
}

function opened(hall: HallPlan): ShowtimeState {
  const state = createShowtime(SHOWTIME);
  const rules = {
    salesStartAt: 0,
    salesEndAt: START * 2,
    orphan: "none",
    accessibleRelease: { when: "always" },
  } as const;
  const { holder, rid } = askerOf(0);
  carryOut(state, [{ type: "open", showtime: SHOWTIME, holder, rid, plan: hall, rules }]);
  return state;
}

/** Two by two, the nearest first, each for a holder of its own, until `share` of the hall is held. */
function heldHall(hall: HallPlan, share: number): ShowtimeState {
  const state = opened(hall);
  const pairs = Math.floor((hall.row.length * share) / 2);
  const commands = Array.from({ length: pairs }, (_, at): Command => {
    const holder = holderId(`earlier-${at}`);
    return { type: "hold-best", showtime: SHOWTIME, holder, rid: askerOf(at).rid, count: 2 };
  });
  carryOut(state, commands);
  return state;
}

function plan(rows: number, seats: number): HallPlan {
  const count = rows * seats;
  const rowOf = (seat: number) => Math.floor(seat / seats);
  return {
    row: Uint16Array.from({ length: count }, (_, seat) => rowOf(seat)),
    x: Int16Array.from({ length: count }, (_, seat) => (seat % seats) * 10),
    y: Int16Array.from({ length: count }, (_, seat) => rowOf(seat) * 10),
    category: new Uint8Array(count),
    flags: Uint8Array.from({ length: count }, (_, seat) => (seat % seats === seats >> 1 ? 4 : 0)),
    categories: [{ id: "all", focalX: (seats - 1) * 5, focalY: (rows - 1) * 6 }],
  };
}
