/** A sale as the engine sees it, made before the clock starts: halls, commands with request ids of their own, and their events. */
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
} from "../../proto/index.ts";
import { createShowtime, decide, evolve, type ShowtimeState } from "../../engine/core/index.ts";

export const SHOWTIME = showtimeId("bench");
export const START = 1_800_000_000_000;
export const LIMITS: SaleLimits = {
  holdTtlMs: 300_000,
  holdMaxMs: 900_000,
  paymentTtlMs: 300_000,
  maxSeatsPerHolder: 8,
  maxExtensions: 3,
};
const HOLDERS = 10_000;
const COMMANDS_PER_MS = 1_000;
/** Whom the `at`-th command is from. The cast: a request id of a bench needs no parser. */
export const askerOf = (at: number) => ({
  holder: holderId(flat(`holder-of-a-seat-${at % HOLDERS}`)),
  rid: flat(`request-${at}`) as RequestId,
});

// Each command is one literal, as the edge makes them: V8 reads the properties of an object that was spread together far slower.
export function holdSeats(at: number, seats: readonly number[]): Command {
  const { holder, rid } = askerOf(at);
  return { type: "hold", showtime: SHOWTIME, holder, rid, seats };
}

export function holdBest(at: number, count: number): Command {
  const { holder, rid } = askerOf(at);
  return { type: "hold-best", showtime: SHOWTIME, holder, rid, count };
}

/** A string of its own characters, as one that came from a socket; V8 keeps a concatenated one in pieces until it is read. */
export const flat = (text: string): string => Buffer.from(text).toString("latin1");

/** The cast: it is a hold id, only flat. */
const heldAs = (number: number): HoldId => flat(holdIdOf(SHOWTIME, number)) as HoldId;

export function holdsAndReleases(state: ShowtimeState, pairs: number, hold: (pair: number) => Command): Command[] {
  const commands: Command[] = [];
  for (let pair = state.nextNumber; pair < state.nextNumber + pairs; pair++) {
    const held = hold(pair);
    const rid = flat(`release-${pair}`) as RequestId; // As above.
    commands.push(held, { type: "release", hold: heldAs(pair), showtime: SHOWTIME, holder: held.holder, rid });
  }
  return commands;
}

/** Answers how many of them came about. Each go begins a millisecond after the last one ended, and collects its changes as a shard's batch does. */
export function carryOut(state: ShowtimeState, commands: readonly Command[], events?: Event[]): number {
  const changes: number[] = [];
  const start = Math.max(START, state.at + 1);
  let cameAbout = 0;
  for (let at = 0; at < commands.length; at++) {
    const next = commands[at];
    if (next === undefined) continue;
    const decision = decide(state, next, start + Math.floor(at / COMMANDS_PER_MS), LIMITS);
    if (decision.kind !== "event") continue;
    cameAbout++;
    evolve(state, decision.event, changes);
    events?.push(decision.event);
  }
  return cameAbout;
}

/** @throws when one did not come about: a refusal costs less, and would be counted for what it is not. */
export function carryOutAll(state: ShowtimeState, commands: readonly Command[], events?: Event[]): void {
  const cameAbout = carryOut(state, commands, events);
  if (cameAbout !== commands.length) throw new Error(`only ${cameAbout} of ${commands.length} were carried out`);
}

export function journalOf(state: ShowtimeState, commands: readonly Command[]): Uint8Array {
  const events: Event[] = [];
  carryOutAll(state, commands, events);
  const out = new ByteWriter(1 << 20);
  for (const event of events) encodeEvent(out, event);
  return out.finish();
}

export function replay(state: ShowtimeState, bytes: Uint8Array, events: number): void {
  const reader = new ByteReader(bytes);
  for (let left = events; left > 0; left--) evolve(state, decodeEvent(reader));
}

export function opened(hall: HallPlan, showtime = SHOWTIME, events?: Event[]): ShowtimeState {
  const state = createShowtime(showtime);
  const rules = {
    salesStartAt: 0,
    salesEndAt: START * 2,
    orphan: "none",
    accessibleRelease: { when: "always" },
  } as const;
  const { holder, rid } = askerOf(0);
  carryOutAll(state, [{ type: "open", showtime, holder, rid, plan: hall, rules }], events);
  return state;
}

/** Neighbours two by two, those nearest to the focal point first, each pair for a holder of its own, until `share` of the hall is held. */
export function heldHall(hall: HallPlan, share: number): ShowtimeState {
  const state = opened(hall);
  const [{ focalX, focalY } = { focalX: 0, focalY: 0 }] = hall.categories;
  const distance = (seat: number): number => Math.hypot((hall.x[seat] ?? 0) - focalX, (hall.y[seat] ?? 0) - focalY);
  const pairs = Array.from({ length: hall.row.length >> 1 }, (_, pair) => pair * 2).sort(
    (one, other) => distance(one) - distance(other),
  );
  const commands = pairs.slice(0, Math.floor(pairs.length * share)).map((seat, at): Command => {
    const holder = holderId(`earlier-${at}`);
    return { type: "hold", showtime: SHOWTIME, holder, rid: askerOf(at).rid, seats: [seat, seat + 1] };
  });
  carryOutAll(state, commands);
  return state;
}

export function plan(rows: number, seats: number): HallPlan {
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

export const threeSeats =
  (hall: HallPlan) =>
  (pair: number): Command => {
    const first = (pair * 3) % (hall.row.length - 3);
    return holdSeats(pair, [first, first + 1, first + 2]);
  };
