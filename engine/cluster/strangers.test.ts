/** Engines that meet in PostgreSQL, on one bus or on two. */
import pino from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Bus, InProcessBus } from "../../platform/bus/index.ts";
import { VirtualClock } from "../../platform/clock/index.ts";
import { Cluster } from "./cluster.ts";
import type { ShardOwner } from "./shard-owner.ts";

const log = pino({ level: "silent" });
/** As `MemberTable` has it. */
const RENEWED_WITHIN_MS = 3_000;
const IDLE: ShardOwner = {
  owned: new Map(),
  unprovenMs: 0,
  totals: { commits: 0, requests: 0, waiting: 0, commitMs: 0 },
  countsOf: () => ({ requests: 0, commits: 0 }),
  prepare: () => Promise.resolve(),
  own: () => Promise.resolve(),
  wrapUp: () => Promise.resolve(),
  disown: () => Promise.resolve(false),
  noteServedElsewhere: () => undefined,
};

let clock: VirtualClock;
let ours: InProcessBus;
let theirs: InProcessBus;
/** When each engine renewed its row. */
let rows: Map<string, number>;
/** Engines whose process has ended. */
let dead: Set<string>;
/** Engines that PostgreSQL does not answer any more when they look for others. */
let cutOff: Set<string>;
let outcomes: Map<string, string>;

beforeEach(() => {
  clock = new VirtualClock();
  [ours, theirs] = [new InProcessBus({ clock, log }), new InProcessBus({ clock, log })];
  [rows, dead, cutOff, outcomes] = [new Map(), new Set(), new Set(), new Map()];
});
afterEach(() => Promise.all([ours.close(), theirs.close()]));

const query = (): Promise<void> => new Promise((resolve) => void clock.after(2, resolve));

/** Starts it, and notes what becomes of that. */
function start(id: string, bus: Bus): void {
  const table = {
    renew: async () => {
      await query();
      if (!dead.has(id)) rows.set(id, clock.monotonic());
    },
    remove: async () => {
      await query();
      rows.delete(id);
    },
    others: async () => {
      await query();
      if (cutOff.has(id)) throw new Error("the connection has ended");
      return new Map([...rows].filter(([of, at]) => of !== id && clock.monotonic() - at < RENEWED_WITHIN_MS));
    },
    isGone: (engine: string) => Promise.resolve(dead.has(engine)),
  };
  const mortal: Bus = {
    isConnected: true,
    publish: (topic, value) => void (!dead.has(id) && bus.publish(topic, value)),
    subscribe: (topic, handler, options) => bus.subscribe(topic, handler, options),
    request: (endpoint, question, options) => bus.request(endpoint, question, options),
    serve: (endpoint, handler, options) => bus.serve(endpoint, handler, options),
    onGap: () => ({ close: () => undefined }),
    close: () => Promise.resolve(),
  };
  const cluster = new Cluster({ engine: IDLE, bus: mortal, clock, log, shards: 0, id, host: "here", pid: 1, table });
  cluster.start().then(
    () => outcomes.set(id, "takes part"),
    (error: unknown) => outcomes.set(id, String(error)),
  );
}

const STRANGERS = /^TwoClusters: Engines that are not on this NATS use the same database \((ann|bob)\)/;

it.each([0, 1, 100, 500, 1_500, 2_199, 2_201, 3_000, 60_000])(
  "of two clusters on one database, the second of which starts %i ms after the first, not both sell",
  async (ms) => {
    start("ann", ours);
    await clock.advance(ms);
    start("bob", theirs);
    await clock.advance(20_000);
    const refused = [...outcomes.values()].filter((outcome) => outcome !== "takes part");
    expect(outcomes.size).toBe(2);
    for (const outcome of refused) expect(outcome).toMatch(STRANGERS);
    expect(refused.length).toBeGreaterThanOrEqual(1); // Both where they look within one statement's time: which was there sooner nobody can say.
    expect(rows.size).toBe(2 - refused.length);
  },
);

it.each([0, 1, 100, 2_199, 2_201])("engines of one cluster that start %i ms apart all take part", async (ms) => {
  for (const id of ["ann", "bob", "cid"]) {
    start(id, ours);
    await clock.advance(ms);
  }
  await clock.advance(20_000);
  expect(new Set(outcomes.values())).toEqual(new Set(["takes part"]));
});

it("one that dies while another starts is no stranger, though its row is fresh", async () => {
  start("ann", ours);
  await clock.advance(10_000);
  start("bob", ours);
  await clock.advance(1_010); // It has renewed its row once since.
  dead.add("ann");
  await clock.advance(10_000);
  expect(outcomes.get("bob")).toBe("takes part");
});

it("one that loses PostgreSQL while it looks for strangers says no more of itself, on the bus or in its row", async () => {
  start("ann", ours);
  await clock.advance(1_000);
  cutOff.add("ann");
  await clock.advance(2_000);
  expect(outcomes.get("ann")).toBe("Error: the connection has ended");
  await ours.close(); // As the process does that ends: a beat would throw in its timer.
  await clock.advance(10_000);
  expect(rows).toEqual(new Map());
});
