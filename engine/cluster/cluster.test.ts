import pino from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bus, InProcessBus } from "../../platform/bus/index.ts";
import { VirtualClock } from "../../platform/clock/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import {
  type Handover,
  HANDOVERS,
  holderId,
  type MemberBeat,
  MEMBERS,
  type Reply,
  type RequestId,
  shardOf,
  type ShowtimeId,
  showtimeId,
} from "../../proto/index.ts";
import { Engine } from "../engine.ts";
import type { Journal } from "../journal/index.ts";
import { takeSnapshot } from "../snapshot/take-snapshot.ts";
import { FaultyJournal } from "../testing/faulty-journal.ts";
import { smallHall } from "../testing/small-hall.ts";
import { Cluster, type KnownEngines } from "./cluster.ts";

const log = pino({ level: "silent" });
const SHARDS = 16;
const LIMITS = {
  holdTtlMs: 300_000,
  holdMaxMs: 900_000,
  paymentTtlMs: 300_000,
  maxSeatsPerHolder: 99,
  maxExtensions: 2,
};
const NOBODY = {
  renew: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  others: () => Promise.resolve(new Map<string, number>()),
  isGone: (engine: string) => Promise.resolve(ended.has(engine)),
};
const RULES = { salesStartAt: 0, salesEndAt: 2 ** 45, orphan: "none", accessibleRelease: { when: "always" } } as const;

interface Node {
  readonly engine: Engine;
  readonly cluster: Cluster;
  /** Whether its way to the bus is open. */
  isReachable: boolean;
  /** Whether its way to PostgreSQL is. */
  hasDatabase: boolean;
  /** While its process stands still: what it is yet to hear. */
  unheard?: (() => void)[] | undefined;
}

/** Engines whose connection to PostgreSQL has ended. */
const ended = new Set<string>();
let clock: VirtualClock;
let bus: InProcessBus;
let journal: FaultyJournal;
let nodes: Map<string, Node>;
let client: EngineClient;
/** How long it takes to read a shard from its beginning. */
let readMs: number;

beforeEach(() => {
  clock = new VirtualClock();
  bus = new InProcessBus({ clock, log });
  journal = new FaultyJournal({ clock, fault: () => "none", latency: () => 2 });
  nodes = new Map();
  ended.clear();
  readMs = 0;
  client = new EngineClient({
    bus,
    clock,
    shards: SHARDS,
    sells: true,
    timeoutMs: 20_000,
    attemptTimeoutMs: 500,
    inFlightMax: 1_000,
  });
});

afterEach(() => bus.close());

const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));

/** A bus that one node speaks through, and that can be cut and mended. */
function lineOf(node: Pick<Node, "isReachable" | "unheard">): Bus {
  return {
    publish: (topic, value) => void (node.isReachable && bus.publish(topic, value)),
    subscribe: (topic, handler, options) => {
      const hear = (value: Parameters<typeof handler>[0]): void => {
        if (node.unheard !== undefined) node.unheard.push(() => hear(value));
        else if (node.isReachable) handler(value);
      };
      return bus.subscribe(topic, hear, options);
    },
    request: (endpoint, question, options) => bus.request(endpoint, question, options),
    serve: (endpoint, handler, options) =>
      bus.serve(endpoint, (question, answer) => void (node.isReachable && handler(question, answer)), options),
    onGap: () => ({ close: () => undefined }),
    close: () => Promise.resolve(),
  };
}

/** The journal, as one node sees it. */
function journalOf(node: { hasDatabase: boolean }): Journal {
  const reached = <T>(work: () => Promise<T>): Promise<T> =>
    node.hasDatabase ? work() : Promise.reject(new Error("PostgreSQL cannot be reached"));
  return {
    warmUp: () => reached(() => journal.warmUp()),
    commit: (commits) => reached(() => journal.commit(commits)),
    claim: (shard, owner) => reached(() => journal.claim(shard, owner)),
    reclaim: (shard, owner) => reached(() => journal.reclaim(shard, owner)),
    epochs: (shards) => reached(() => journal.epochs(shards)),
    async *snapshots(shard) {
      await pause(readMs);
      yield* journal.snapshots(shard);
    },
    rows: (shard, after) => journal.rows(shard, after),
    oldestRow: () => reached(() => journal.oldestRow()),
    saveSnapshot: (snapshot) => reached(() => journal.saveSnapshot(snapshot)),
  };
}

async function join(id: string, table: KnownEngines = NOBODY): Promise<Node> {
  const reach: Pick<Node, "isReachable" | "hasDatabase" | "unheard"> = { isReachable: true, hasDatabase: true };
  const line = lineOf(reach);
  const engine: Engine = new Engine({
    id,
    journal: journalOf(reach),
    bus: line,
    clock,
    log,
    metrics: createMetrics(id),
    shards: SHARDS,
    limits: LIMITS,
    snapshots: { take: (shard) => takeSnapshot(journal, shard, log), close: () => Promise.resolve() },
    witness: { read: () => Promise.resolve(new Map()), write: () => Promise.resolve() },
    onReplaced: (shard) => cluster.replaced(shard),
  });
  const cluster = new Cluster({ engine, bus: line, clock, log, shards: SHARDS, id, host: "here", pid: 1, table });
  const node = Object.assign(reach, { engine, cluster });
  nodes.set(id, node);
  const started = engine.start([]);
  await clock.advance(50);
  await started;
  void cluster.start();
  return node;
}

/** The engines that say of themselves that they have the shard. */
const ownersOf = (shard: number): string[] =>
  [...nodes].filter(([, { engine }]) => engine.owned.has(shard)).map(([id]) => id);
const owners = (): string[] =>
  Array.from({ length: SHARDS }, (_, shard) => ownersOf(shard)).map((all) =>
    all.length === 1 ? (all[0] ?? "") : `(${all.join()})`,
  );

async function until<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
  let done = false;
  void promise.finally(() => {
    done = true;
  });
  let ms = 0;
  for (; !done; ms += 5) await clock.advance(5);
  return { value: await promise, ms };
}

let rids = 0;
const ask = (showtime: ShowtimeId, seats: number[]): Promise<Reply> =>
  client.ask({ type: "hold", showtime, holder: holderId("ann"), rid: `r${rids++}` as RequestId, seats }); // Short enough.

async function opened(count: number): Promise<ShowtimeId[]> {
  const showtimes = Array.from({ length: count }, (_, at) => showtimeId(`st-${at}`));
  for (const showtime of showtimes) {
    const rid = "open" as RequestId; // Short enough.
    await until(client.ask({ type: "open", showtime, holder: holderId("c"), rid, plan: smallHall(96), rules: RULES }));
  }
  return showtimes;
}

describe("engines that share the shards", () => {
  it("have each shard once, and go on alone when the others leave", async () => {
    for (const id of ["a", "b", "c"]) await join(id);
    await clock.advance(4_000);
    const shared = owners();
    expect(new Set(shared)).toEqual(new Set(["a", "b", "c"]));
    for (const id of ["a", "b"]) {
      const node = nodes.get(id);
      if (node !== undefined) await until(node.cluster.leave());
      nodes.delete(id);
    }
    expect(owners()).toEqual(shared.map(() => "c"));
  });

  it("give a new one its share, and move nothing else", async () => {
    await join("a");
    await join("b");
    await clock.advance(4_000);
    const before = owners();
    await join("c");
    await clock.advance(4_000);
    const after = owners();
    expect(after).toContain("c");
    for (const [shard, owner] of after.entries()) if (owner !== "c") expect(owner).toBe(before[shard]);
  });

  it.each([
    ["", 0],
    [", however long it takes to read one", 400],
  ])("hand shards over within 100 ms each%s, and no command fails", async (_, ms) => {
    await join("a");
    await clock.advance(3_000);
    const showtimes = await opened(8);
    readMs = ms;
    await join("b");
    let worst = 0;
    const rush = (async () => {
      for (let seat = 0; seat < 80; seat++) {
        for (const showtime of showtimes) {
          const { value, ms } = await until(ask(showtime, [seat]));
          await clock.advance(10);
          expect(value).toMatchObject({ type: "held", seats: [seat] });
          worst = Math.max(worst, ms);
        }
      }
    })();
    await rush;
    expect(new Set(owners())).toEqual(new Set(["a", "b"]));
    expect(worst).toBeLessThanOrEqual(100);
  });

  it("hand over what has been read again right before, so that hardly a row is left to read once it is claimed", async () => {
    await join("a");
    await clock.advance(3_000);
    const showtimes = await opened(8);
    const said = new Map<number, string[]>();
    const handovers = bus.subscribe(HANDOVERS, ({ shard, phase }) => {
      said.set(shard, [...(said.get(shard) ?? []), phase]);
      // Somebody buys, whenever the next owner has begun to read.
      for (const showtime of showtimes) if (phase === "prepare") void ask(showtime, [said.size]);
    });
    await join("b");
    await clock.advance(10_000);
    handovers.close();
    expect(owners().filter((owner) => owner === "b")).toHaveLength(said.size);
    for (const phases of said.values()) expect(phases).toEqual(["prepare", "ready", "prepare", "ready", "take"]);
  });

  it("hand a shard over to one that does not say whether it has read it", async () => {
    const publish = bus.publish.bind(bus);
    bus.publish = (topic, value) => {
      if (topic.name !== HANDOVERS.name || (value as Handover).phase !== "ready") publish(topic, value); // As the name says.
    };
    await join("a");
    await clock.advance(3_000);
    await join("b");
    await clock.advance(30_000);
    expect(new Set(owners())).toEqual(new Set(["a", "b"]));
  });

  it("keep a shard whose next owner dies while it reads it", async () => {
    const a = await join("a");
    await clock.advance(3_000);
    const before = [...a.engine.owned]; // With their epochs: each time that a shard is claimed it has another.
    readMs = 400;
    const b = await join("b");
    const publish = bus.publish.bind(bus);
    bus.publish = (topic, value) => {
      publish(topic, value);
      if (topic.name === HANDOVERS.name && (value as Handover).phase === "prepare") b.isReachable = false; // As the name says.
    };
    await clock.advance(10_000);
    expect(b.isReachable).toBe(false);
    expect([...a.engine.owned]).toEqual(before);
  });

  it("give a new one its share at once, also when another died on the way to its own", async () => {
    const a = await join("a");
    await clock.advance(3_000);
    const b = await join("b");
    const publish = bus.publish.bind(bus);
    bus.publish = (topic, value) => {
      publish(topic, value);
      if (topic.name === HANDOVERS.name && (value as Handover).to === "b") b.isReachable = false; // As the name says.
    };
    while (b.isReachable) await clock.advance(100);
    nodes.delete("b");
    await join("c");
    await clock.advance(5_000);
    expect(new Set(owners())).toEqual(new Set(["a", "c"]));
    expect(a.engine.owned.size).toBeLessThan(SHARDS - 2);
  });

  it("wait for one that is at work on a long hand-over", async () => {
    await join("a");
    await clock.advance(3_000);
    readMs = 1_490;
    const overruled: number[] = [];
    for (const id of ["b", "c"]) {
      const { engine } = await join(id);
      const own = engine.own.bind(engine);
      engine.own = (shard) => {
        if (ownersOf(shard).length > 0) overruled.push(shard);
        return own(shard);
      };
    }
    await clock.advance(30_000);
    expect(new Set(owners())).toEqual(new Set(["a", "b", "c"]));
    expect(overruled).toEqual([]);
  });

  it("take what a dead one left within a second, with every hold that it had acknowledged", async () => {
    await join("a");
    await join("b");
    await clock.advance(4_000);
    const showtimes = await opened(8);
    for (const showtime of showtimes) await until(ask(showtime, [1]));
    const dead = nodes.get("a");
    if (dead !== undefined) dead.isReachable = false; // It knows nothing of it, and goes on beating into the void.
    for (const showtime of showtimes) {
      const { value, ms } = await until(ask(showtime, [1, 2]));
      expect(value).toMatchObject({ type: "refused", code: "SEAT_TAKEN", seats: [1] });
      expect(ms).toBeLessThanOrEqual(1_000); // Nobody waits until what the dead one was asked has timed out.
    }
    await clock.advance(500);
    expect(dead?.engine.owned.size).toBe(0); // PostgreSQL told it.
  });

  it("take sooner what one left whose process has ended, and wait for one that PostgreSQL still knows", async () => {
    for (const id of ["a", "b", "c"]) await join(id);
    await clock.advance(4_000);
    const [a, b, c] = ["a", "b", "c"].map((id) => nodes.get(id));
    if (a === undefined || b === undefined || c === undefined) throw new Error("three have joined");
    const left = [...a.engine.owned.keys()];
    a.isReachable = b.isReachable = false;
    ended.add("a");
    await clock.advance(750);
    const ofTheFirst = left.filter((shard) => c.engine.owned.has(shard)).length;
    expect(ofTheFirst).toBeGreaterThan(0);
    expect([...c.engine.owned.keys()].filter((shard) => b.engine.owned.has(shard))).toEqual([]);
    await clock.advance(750);
    expect(c.engine.owned.size).toBe(SHARDS);
  });

  it("take what a dead one left as quickly when another comes in its place at once, which takes nothing until it takes part", async () => {
    await join("a");
    await join("b");
    await clock.advance(4_000);
    const showtimes = await opened(8);
    const diedAt = clock.monotonic();
    const dead = nodes.get("a");
    if (dead !== undefined) dead.isReachable = false;
    nodes.delete("a");
    await join("c");
    for (const showtime of showtimes) await until(ask(showtime, [1]));
    expect(clock.monotonic() - diedAt).toBeLessThanOrEqual(1_500);
    await clock.advance(5_000);
    expect(new Set(owners())).toEqual(new Set(["b", "c"]));
  });

  it("take nothing, when they have stood still for a second, from whom they have not heard yet", async () => {
    await join("a");
    await clock.advance(140); // So that b hears itself long after a.
    const still = await join("b");
    await clock.advance(4_000);
    const before = [...nodes.values()].map(({ engine }) => [...engine.owned]); // With their epochs.
    const ages = new Map<string, number>();
    const beats = bus.subscribe(MEMBERS, ({ engine }) => void ages.set(engine, clock.monotonic()));
    const since = (engine: string): number => clock.monotonic() - (ages.get(engine) ?? -Infinity);
    while (since("b") > 10 || since("a") < 150 || since("a") > 200) await clock.advance(5);
    beats.close();
    const unheard = (still.unheard = [] as (() => void)[]);
    await clock.advance(1_005);
    still.unheard = undefined;
    for (const hear of unheard) hear();
    await clock.advance(5_000);
    expect([...nodes.values()].map(({ engine }) => [...engine.owned])).toEqual(before);
  });

  it("take nothing on a beat of their own from before they stood still", async () => {
    const a = await join("a");
    await clock.advance(140);
    const still = await join("b");
    await clock.advance(4_000);
    const before = [...nodes.values()].map(({ engine }) => [...engine.owned]); // With their epochs.
    const ages = new Map<string, number>();
    const beats = bus.subscribe(MEMBERS, ({ engine }) => void ages.set(engine, clock.monotonic()));
    const since = (engine: string): number => clock.monotonic() - (ages.get(engine) ?? -Infinity);
    // A beat of a's is lost, and the next that comes is b's own.
    while (since("a") > 0) await clock.advance(5);
    a.isReachable = false;
    while (since("a") < 210 || since("b") < 195) await clock.advance(5);
    a.isReachable = true;
    beats.close();
    const unheard = (still.unheard = [] as (() => void)[]);
    await clock.advance(1_005 - since("a"));
    still.unheard = undefined;
    for (const hear of unheard) hear();
    await clock.advance(5_000);
    expect([...nodes.values()].map(({ engine }) => [...engine.owned])).toEqual(before);
  });

  it("answer at once for a shard that they have taken back before its last commit was over", async () => {
    const { engine } = await join("a");
    await clock.advance(3_000);
    const [showtime = showtimeId("none")] = await opened(1);
    const shard = shardOf(showtime, SHARDS);
    const commit = journal.commit.bind(journal);
    journal.commit = (commits) => pause(4_000).then(() => commit(commits));
    void ask(showtime, [1]);
    await clock.advance(20);
    const given = engine.disown(shard);
    journal.commit = commit;
    await until(engine.own(shard));
    await until(given);
    const { value, ms } = await until(ask(showtime, [2]));
    expect(value).toMatchObject({ type: "held" });
    expect(ms).toBeLessThanOrEqual(100);
  });

  it("take of what a dead one left the busiest shards first", async () => {
    await join("a");
    await join("b");
    await clock.advance(4_000);
    const dead = nodes.get("a");
    const left = [...(dead?.engine.owned.keys() ?? [])];
    const busy = await opened(40).then((all) =>
      all.findLast((showtime) => left.indexOf(shardOf(showtime, SHARDS)) > 4),
    );
    if (busy === undefined) throw new Error("none of its last shards has a showtime");
    for (let seat = 0; seat < 60; seat++) await until(ask(busy, [seat]));
    await clock.advance(500);
    const taken: number[] = [];
    const b = nodes.get("b");
    const own = b?.engine.own.bind(b.engine);
    if (b !== undefined && own !== undefined)
      b.engine.own = (shard) => {
        taken.push(shard);
        return own(shard);
      };
    if (dead !== undefined) dead.isReachable = false;
    nodes.delete("a");
    await clock.advance(3_000);
    expect(taken[0]).toBe(shardOf(busy, SHARDS));
  });

  it("go on reading, once they have a shard, what they were still reading when they were given it", async () => {
    await join("a");
    await clock.advance(3_000);
    let [reads, most] = [0, 0];
    readMs = 2_000; // Longer than it is waited for.
    const snapshots = journal.snapshots.bind(journal);
    journal.snapshots = async function* (shard) {
      most = Math.max(most, ++reads);
      yield* snapshots(shard);
    };
    await join("b");
    await clock.advance(60_000);
    const moved = owners().filter((owner) => owner === "b").length;
    expect(moved).toBeGreaterThan(0);
    expect(most).toBe(moved);
  });

  it("serve the first of what a dead one left while the last is still to be read", async () => {
    await join("a");
    await clock.advance(3_000);
    const showtimes = await opened(8);
    const dead = nodes.get("a");
    await join("b");
    await clock.advance(4_000);
    const left = [...(dead?.engine.owned.keys() ?? [])].length;
    readMs = 400;
    if (dead !== undefined) dead.isReachable = false;
    nodes.delete("a");
    const { engine } = nodes.get("b") ?? {};
    const before = engine?.owned.size ?? 0;
    while (engine?.owned.size === before) await clock.advance(5);
    expect(engine?.owned.size).toBeLessThan(before + left);
    await clock.advance(5_000);
    expect(owners()).toEqual(owners().map(() => "b"));
    for (const showtime of showtimes)
      expect(await until(ask(showtime, [1]))).toMatchObject({ value: { type: "held" } });
  });

  it("take within 3 s what one cannot serve that has lost PostgreSQL alone, and give it back when it has found it", async () => {
    const cut = await join("a");
    await join("b");
    await clock.advance(4_000);
    const before = owners();
    const showtimes = await opened(8);
    for (const showtime of showtimes) await until(ask(showtime, [1]));
    cut.hasDatabase = false;
    await clock.advance(3_000);
    for (const showtime of showtimes) {
      const { value, ms } = await until(ask(showtime, [3]));
      expect(value).toMatchObject({ type: "held" });
      expect(ms).toBeLessThanOrEqual(100);
    }
    cut.hasDatabase = true;
    await clock.advance(10_000);
    expect(owners()).toEqual(before);
  });

  it("keep what they have while nobody can reach PostgreSQL", async () => {
    const both = [await join("a"), await join("b")];
    await clock.advance(4_000);
    const before = owners();
    for (const node of both) node.hasDatabase = false;
    await clock.advance(20_000);
    for (const node of both) node.hasDatabase = true;
    await clock.advance(10_000);
    expect(owners()).toEqual(before);
  });

  it("do not take silence for death while they do not hear themselves, and take part again when they do", async () => {
    const cut = await join("a");
    await join("b");
    await clock.advance(4_000);
    const before = owners();
    cut.isReachable = false;
    await clock.advance(60_000);
    expect(owners()).toEqual(before.map(() => "b"));
    cut.isReachable = true;
    await clock.advance(10_000);
    expect(owners()).toEqual(before);
  });

  it("take turns ever more slowly when they hear each other no more, but PostgreSQL, and settle when they do", async () => {
    const one = await join("a");
    await join("b");
    await clock.advance(4_000);
    const before = owners();
    // Each hears itself alone.
    const deaf = bus.publish.bind(bus);
    bus.publish = (topic, value) => {
      if (topic.name === MEMBERS.name) return;
      deaf(topic, value);
    };
    const echo = clock.monotonic();
    expect(echo).toBeGreaterThan(0);
    await clock.advance(30_000);
    bus.publish = deaf;
    await clock.advance(30_000);
    expect(owners()).toEqual(before);
    expect(one.engine.serving).toBe(before.filter((owner) => owner === "a").length);
  });

  it("say what they have done in each shard, and how far their commits are behind", async () => {
    const beats: MemberBeat[] = [];
    bus.subscribe(MEMBERS, (beat) => void beats.push(beat));
    await join("a");
    await clock.advance(3_000);
    const [showtime] = await opened(1);
    if (showtime === undefined) throw new Error("one was opened");
    const commit = journal.commit.bind(journal);
    journal.commit = async (commits) => {
      await pause(240);
      return commit(commits);
    };
    const first = ask(showtime, [1]);
    await clock.advance(5);
    const second = ask(showtime, [2]);
    await clock.advance(235);
    expect(beats.at(-1)).toMatchObject({ shardCount: SHARDS, requests: 1, commits: 1, waiting: 2 });
    expect(beats.at(-1)?.commitMs).toBeGreaterThan(30);
    await until(Promise.all([first, second]));
    await clock.advance(200);
    const last = beats.at(-1);
    expect(last).toMatchObject({ requests: 3, commits: 3, waiting: 0 });
    const at = shardOf(showtime, SHARDS);
    expect(last?.shards).toHaveLength(SHARDS);
    for (const [shard, , ...counts] of last?.shards ?? []) expect(counts).toEqual(shard === at ? [3, 3] : [0, 0]);
  });

  it("overrule one that keeps a shard it should give away", async () => {
    await join("a");
    await clock.advance(3_000);
    // A member that claims to have every shard, and never hands one over.
    const shards = Array.from({ length: SHARDS }, (_, shard) => [shard, 1, 0, 0] as const);
    const counts = { shardCount: SHARDS, commits: 0, requests: 0, waiting: 0, commitMs: 0 };
    const stubborn = { engine: "z", host: "there", pid: 2, saidAt: 0, leaving: true, shards, ...counts };
    const node = await join("b");
    for (let ms = 0; ms < 14_000; ms += 250) {
      bus.publish(MEMBERS, stubborn);
      await clock.advance(250);
    }
    expect(node.engine.owned.size).toBeGreaterThan(0);
    expect(owners().every((owner) => owner === "a" || owner === "b")).toBe(true);
  });
});
