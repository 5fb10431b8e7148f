import { describe, expect, it, vi } from "vitest";
import { systemClock, VirtualClock } from "../../platform/clock/index.ts";
import { connectRedis, type RedisConnection, RedisUsageBoard } from "../../platform/redis/index.ts";
import { type RedisServer, startRedisServer } from "../../platform/redis/testing.ts";
import { pino } from "pino";
import { LIMITS } from "../limits.ts";
import type { Client } from "../testing/client.ts";
import { Harness, useHarness } from "../testing/harness.ts";
import { type Meter, Meters, SharedMeters, type UsageBoard } from "./index.ts";

const LIMIT = 1_000;

/** One for all, in memory. */
class Board {
  readonly said = new Map<string, Map<string, { amount: number; endsAt: number }>>();
  readonly #clock: VirtualClock;
  isAway = false;
  exchanges = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  of(process: string): UsageBoard {
    return {
      exchange: async (usages, keepMs) => {
        this.exchanges++;
        if (this.isAway) throw new Error("away");
        const now = this.#clock.monotonic();
        return usages.map(({ name, amount }) => {
          const said = this.said.get(name) ?? new Map<string, { amount: number; endsAt: number }>();
          this.said.set(name, said.set(process, { amount, endsAt: now + keepMs }));
          const others = [...said].filter(([who, { endsAt }]) => who !== process && endsAt > now);
          return { amount: others.reduce((sum, [, each]) => sum + each.amount, 0), processes: others.length };
        });
      },
    };
  }
}

/** An edge's meters, with somebody who wants as much as `wants` says, a second. */
class MeteredEdge {
  readonly meters = new Meters<string, object>({ commandsPerSecond: LIMIT, connectionsMax: LIMIT });
  readonly meter: Meter<object>;
  readonly shared: SharedMeters;
  wants = 0;
  taken = 0;
  #tries = 0;

  constructor(clock: VirtualClock, board: UsageBoard) {
    this.meter = this.meters.enter("ann", {});
    this.shared = new SharedMeters({ board, clock, kinds: { user: this.meters } });
    this.shared.start();
  }

  try(now: number, forMs: number): void {
    this.#tries += (this.wants * forMs) / 1000;
    for (; this.#tries >= 1; this.#tries--) {
      if (this.meter.waitMs(now) > 0) continue;
      this.meter.take(now);
      this.taken++;
    }
  }
}

function world(edges: number) {
  const clock = new VirtualClock();
  const board = new Board(clock);
  const all = Array.from({ length: edges }, (_, at) => new MeteredEdge(clock, board.of(`edge-${at}`)));
  const run = async (ms: number): Promise<readonly number[]> => {
    for (const edge of all) edge.taken = 0;
    for (let gone = 0; gone < ms; gone += 10) {
      for (const edge of all) edge.try(clock.monotonic(), 10);
      await clock.advance(10);
    }
    return all.map(({ taken }) => taken / (ms / 1000));
  };
  const sum = (rates: readonly number[]): number => rates.reduce((total, rate) => total + rate, 0);
  return { clock, board, edges: all, run, sum };
}

describe("the limit of one user on several edges", () => {
  it.each([2, 3, 8])("holds for %i edges together, in equal parts", async (edges) => {
    const { edges: all, run, sum } = world(edges);
    for (const edge of all) edge.wants = 10 * LIMIT;
    await run(5_000); // What everybody may take at once is gone then.
    const rates = await run(10_000);
    expect(sum(rates)).toBeLessThan(1.05 * LIMIT);
    expect(sum(rates)).toBeGreaterThan(0.9 * LIMIT);
    for (const rate of rates) expect(rate).toBeGreaterThan((0.9 * LIMIT) / edges);
  });

  it("leaves to each what the others do not use", async () => {
    const { edges, run } = world(3);
    const [greedy, modest, idle] = edges;
    greedy!.wants = 10 * LIMIT;
    modest!.wants = 0.3 * LIMIT;
    await run(5_000);
    const [most, some, none] = await run(10_000);
    expect(most).toBeGreaterThan(0.65 * LIMIT);
    expect(most).toBeLessThan(0.75 * LIMIT);
    expect(some).toBeCloseTo(0.3 * LIMIT, -1);
    expect(none).toBe(0);
    modest!.wants = 0;
    idle!.wants = 0.2 * LIMIT;
    await run(5_000);
    expect((await run(10_000))[0]).toBeGreaterThan(0.75 * LIMIT);
  });

  it("is each edge's own while they cannot tell each other, and all edges' again after that", async () => {
    const { board, edges, run, sum } = world(2);
    for (const edge of edges) edge.wants = 10 * LIMIT;
    await run(5_000);
    board.isAway = true;
    await run(5_000);
    const alone = await run(5_000);
    for (const rate of alone) expect(rate).toBeCloseTo(LIMIT, -2);
    board.isAway = false;
    await run(5_000);
    expect(sum(await run(10_000))).toBeLessThan(1.05 * LIMIT);
  });

  it("leaves a tenth to an edge whatever the others claim", async () => {
    const clock = new VirtualClock();
    const liar: UsageBoard = { exchange: async (usages) => usages.map(() => ({ amount: 1e12, processes: 1e6 })) };
    const edge = new MeteredEdge(clock, liar);
    edge.wants = 10 * LIMIT;
    for (let gone = 0; gone < 20_000; gone += 10) {
      if (gone === 10_000) edge.taken = 0;
      edge.try(clock.monotonic(), 10);
      await clock.advance(10);
    }
    expect(edge.taken / 10).toBeCloseTo(0.1 * LIMIT, -1);
  });

  it("costs no question while nobody comes near it", async () => {
    const { board, edges, run } = world(2);
    for (const edge of edges) edge.wants = 0.05 * LIMIT;
    await run(5_000);
    expect(board.exchanges).toBe(0);
  });

  it("forgets a dead edge", async () => {
    const { edges, run } = world(2);
    const [dead, alive] = edges;
    dead!.wants = alive!.wants = 10 * LIMIT;
    await run(5_000);
    dead!.wants = 0;
    dead!.shared.stop();
    await run(LIMITS.toldForMs + LIMITS.tellEveryMs);
    expect((await run(5_000))[1]).toBeCloseTo(LIMIT, -2);
  });
});

describe("the connections of one address", () => {
  it("are counted over all edges", async () => {
    const { clock, edges } = world(2);
    const [one, two] = edges;
    for (let more = 0; more < 0.8 * LIMIT; more++) one!.meter.enter({});
    for (let more = 0; more < 0.15 * LIMIT; more++) two!.meter.enter({});
    expect(two!.meter.isOvercrowded).toBe(false);
    await clock.advance(2 * LIMITS.tellEveryMs);
    for (let more = 0; more < 0.04 * LIMIT; more++) two!.meter.enter({});
    expect(two!.meter.isOvercrowded).toBe(false);
    for (let more = 0; more < 0.05 * LIMIT; more++) two!.meter.enter({});
    expect(two!.meter.isOvercrowded).toBe(true);
  });
});

describe("an address of which other edges have connections too", () => {
  let others = 0;
  const current = useHarness({
    connectionsPerAddress: 10,
    usage: { exchange: async (usages) => usages.map(() => ({ amount: others, processes: 1 })) },
  });

  it("is told to come again while they stand in its way, as where it has too many here alone", async () => {
    others = 0;
    const clients: Client[] = [];
    for (let more = 0; more < 10; more++) clients.push(await current.edge.connect());
    others = 8;
    current.edge.clock.leap(LIMITS.tellEveryMs);
    expect(await (await current.edge.connect()).closed).toMatchObject({ code: 4004 });
    for (const { ws, closed } of clients.splice(2)) {
      ws.close();
      await closed;
    }
    expect(await (await current.edge.connect()).closed).toMatchObject({ code: 4004 });
  });
});

describe("what is told", () => {
  it("is of the busiest, and no more than the bound", async () => {
    const clock = new VirtualClock();
    const told: string[][] = [];
    const board: UsageBoard = {
      async exchange(usages) {
        told.push(usages.map(({ name }) => name));
        return usages.map(() => ({ amount: 0, processes: 0 }));
      },
    };
    const users = new Meters<string, object>({ commandsPerSecond: 10, connectionsMax: Number.POSITIVE_INFINITY });
    const addresses = new Meters<string, object>({ commandsPerSecond: 1_000, connectionsMax: 10 });
    const shared = new SharedMeters({ board, clock, kinds: { user: users, address: addresses } });
    shared.start();
    for (let user = 0; user < 500; user++) {
      const meter = users.enter(`u${user}`, {});
      for (let commands = user % 2 === 0 ? 1 : 3; commands > 0; commands--) meter.take(0);
    }
    const crowd = addresses.enter("10.0.0.1", {});
    for (let more = 0; more < 9; more++) crowd.enter({});
    await clock.advance(LIMITS.tellEveryMs);
    expect(told).toHaveLength(1);
    expect(told[0]).toHaveLength(LIMITS.toldMax);
    expect(told[0]![0]).toBe("connections:address:10.0.0.1");
    expect(told[0]!.slice(1).every((name) => /^commands:user:u\d*[13579]$/.test(name))).toBe(true);
    await clock.advance(LIMITS.tellEveryMs);
    expect(told[1]).toEqual(["connections:address:10.0.0.1"]);
    shared.stop();
  });
});

describe("two edges with one Redis", () => {
  const log = pino({ level: "silent" });
  const edges: Harness[] = [];
  const connections: RedisConnection[] = [];
  let redis: RedisServer;

  async function start(config: ConstructorParameters<typeof Harness>[0]): Promise<void> {
    redis = await startRedisServer();
    for (const name of ["a", "b"]) {
      const connection = await connectRedis(redis.url, { clock: systemClock, random: Math.random, log, name });
      connections.push(connection);
      const edge = new Harness({ ...config, usage: new RedisUsageBoard(connection, name) });
      edges.push(edge);
      await edge.start();
    }
  }
  async function stop(): Promise<void> {
    for (const edge of edges.splice(0)) await edge.stop();
    for (const connection of connections.splice(0)) connection.close();
    await redis.stop();
  }
  /** Whether the edge lets one more connection of this address in. */
  async function letsIn(edge: Harness): Promise<boolean> {
    const client = await edge.connect();
    await client.until(() => client.inbox.length > 0 || client.closing !== undefined).catch(() => undefined);
    const isIn = client.inbox.length > 0;
    client.ws.terminate();
    await client.closed;
    return isIn;
  }

  const becomes = (edge: Harness, open: boolean) =>
    vi.waitFor(async () => expect(await letsIn(edge)).toBe(open), { timeout: 10_000, interval: 100 });

  it("let an address have no more connections than one would; with Redis gone each lets in its own", async () => {
    await start({ connectionsPerAddress: 10 });
    try {
      const [one, two] = edges;
      for (let more = 0; more < 7; more++) await one!.connect();
      for (let more = 0; more < 3; more++) await two!.connect();
      await becomes(two!, false);
      await becomes(one!, false);
      await redis.kill();
      await becomes(two!, true);
      await redis.start();
      await becomes(two!, false);
      redis.pause();
      await becomes(two!, true);
    } finally {
      await stop();
    }
  }, 45_000);
});
