/**
 * The engine's core alone, on one thread: no bus, no journal, no socket. Commands are made before the clock starts, each with a
 * request id of its own; what is measured is `decide` and `evolve`, and for the replay `decodeEvent` and `evolve`.
 */
import { allSteps, decodeState, encodeState, type ShowtimeState } from "../../engine/core/index.ts";
import type { HallPlan } from "../../proto/index.ts";
import {
  carryOut,
  carryOutAll,
  heldHall,
  holdBest,
  holdSeats,
  holdsAndReleases,
  journalOf,
  opened,
  plan,
  replay,
  threeSeats,
} from "./sale.ts";
import type { Work } from "./work.ts";

/** Those that show how cost grows. */
const GROWING_HALLS = [plan(8, 12), plan(20, 24), plan(50, 100), plan(125, 160)];
const HALLS = { "480 seats": plan(20, 24), "20,000 seats": plan(125, 160) };

/**
 * So many operations at a time; tests take fewer. About as many commands as one batch of a shard may hold: made before the clock starts, they live
 * as long as they do there. Of many more, the garbage collector's copying would be measured.
 */
const PAIRS = 500;
const REPLAYED_PAIRS = 100_000;
const WISHES = 2_000;
const SNAPSHOTS = 20;

/** By name: what is measured. @param share of the usual size, above 0 */
export function coreWork(share: number): ReadonlyMap<string, Work> {
  const work = new Map<string, Work>();
  const some = (count: number): number => Math.max(2, Math.round(count * share));
  for (const [name, hall] of Object.entries(HALLS)) {
    const pairs = some(PAIRS);
    work.set(`hold of 3 and release, ${name}: decisions`, holdAndRelease(hall, pairs));
    work.set(`replay, ${name}: events`, replayOf(hall, some(REPLAYED_PAIRS)));
    work.set(`taken seats refused, ${name}: decisions`, refusals(hall, pairs));
    for (const held of [0, 0.5, 0.9]) {
      const title = `best 3 and release, ${name}, ${held * 100}% held: decisions`;
      work.set(title, bestAvailable(hall, some(WISHES), held));
    }
  }
  work.set("20,000 seats, 90% held, written and read: snapshots", snapshots(some(SNAPSHOTS)));
  return work;
}

/** The same choices in halls that grow. @param share of the usual size, above 0 */
export function hallWork(share: number): ReadonlyMap<string, Work> {
  const some = (count: number): number => Math.max(2, Math.round(count * share));
  return new Map(
    GROWING_HALLS.flatMap((hall) => [
      [`seats named, ${hall.row.length} seats`, holdAndRelease(hall, some(PAIRS))],
      [`best available, ${hall.row.length} seats`, bestAvailable(hall, some(WISHES), 0.5)],
    ]),
  );
}

// Each has one showtime for all rounds: what is measured is a sale that has been going on for a while, and no collector that comes across a new one.

function holdAndRelease(hall: HallPlan, pairs: number): Work {
  let onSale: ShowtimeState | undefined;
  return {
    count: pairs * 2,
    prepare() {
      const state = (onSale ??= opened(hall));
      const commands = holdsAndReleases(state, pairs, threeSeats(hall));
      return () => carryOutAll(state, commands);
    },
  };
}

function replayOf(hall: HallPlan, pairs: number): Work {
  let states: { readonly original: ShowtimeState; readonly replica: ShowtimeState } | undefined;
  return {
    count: pairs * 2,
    prepare() {
      const { original, replica } = (states ??= { original: opened(hall), replica: opened(hall) });
      const bytes = journalOf(original, holdsAndReleases(original, pairs, threeSeats(hall)));
      return () => replay(replica, bytes, pairs * 2);
    },
  };
}

function refusals(hall: HallPlan, count: number): Work {
  let onSale: ShowtimeState | undefined;
  return {
    count,
    prepare() {
      const state = (onSale ??= heldHall(hall, 1));
      const commands = Array.from({ length: count }, (_, at) => holdSeats(at, [(at * 7) % hall.row.length]));
      return () => {
        const cameAbout = carryOut(state, commands);
        if (cameAbout > 0) throw new Error(`${cameAbout} of ${count} were not refused`);
      };
    },
  };
}

function bestAvailable(hall: HallPlan, wishes: number, held: number): Work {
  let onSale: ShowtimeState | undefined;
  return {
    count: wishes * 2,
    prepare() {
      const state = (onSale ??= heldHall(hall, held));
      const commands = holdsAndReleases(state, wishes, (pair) => holdBest(pair, 3));
      return () => carryOutAll(state, commands);
    },
  };
}

function snapshots(count: number): Work {
  let state: ShowtimeState | undefined;
  return {
    count,
    prepare() {
      const full = (state ??= heldHall(HALLS["20,000 seats"], 0.9));
      return () => {
        for (let times = count; times > 0; times--) allSteps(decodeState(allSteps(encodeState(full))));
      };
    },
  };
}
