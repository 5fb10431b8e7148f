import pino from "pino";
import { type Bus, InProcessBus } from "../../../platform/bus/index.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { EngineClient } from "../../../platform/engine-client/index.ts";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { holderId, MEMBERS, type Reply, type RequestId, type ShowtimeId, showtimeId } from "../../../proto/index.ts";
import { Engine } from "../../engine.ts";
import type { Acknowledged, Journal } from "../../journal/index.ts";
import { takeSnapshot } from "../../snapshot/take-snapshot.ts";
import { FaultyJournal } from "../../testing/faulty-journal.ts";
import { smallHall } from "../../testing/small-hall.ts";
import { Cluster } from "../cluster.ts";

const silent = pino({ level: "silent" });
export const SHARDS = 16;
const LIMITS = {
  holdTtlMs: 300_000,
  holdMaxMs: 900_000,
  paymentTtlMs: 300_000,
  maxSeatsPerHolder: 99,
  maxExtensions: 2,
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

/** Engines on one bus, one journal and a virtual clock, and whoever asks them. */
export class Site {
  readonly clock = new VirtualClock();
  readonly bus = new InProcessBus({ clock: this.clock, log: silent });
  readonly journal = new FaultyJournal({ clock: this.clock, fault: () => "none", latency: () => 2 });
  readonly nodes = new Map<string, Node>();
  /** Engines whose connection to PostgreSQL has ended. */
  readonly ended = new Set<string>();
  /** How long it takes to read a shard from its beginning. */
  readMs = 0;
  readonly shards: number;
  readonly #client: EngineClient;
  #rids = 0;

  constructor(shards = SHARDS) {
    this.shards = shards;
    this.#client = new EngineClient({
      bus: this.bus,
      clock: this.clock,
      shards,
      sells: true,
      timeoutMs: 20_000,
      attemptTimeoutMs: 500,
      inFlightMax: 1_000,
    });
  }

  close(): Promise<void> {
    return this.bus.close();
  }

  /** @param remembered the newest rows that its witness knows of */
  async join(id: string, log = silent, remembered: ReadonlyMap<number, Acknowledged> = new Map()): Promise<Node> {
    const { clock } = this;
    const reach: Pick<Node, "isReachable" | "hasDatabase" | "unheard"> = { isReachable: true, hasDatabase: true };
    const line = this.#lineOf(reach);
    const engine: Engine = new Engine({
      id,
      journal: this.#journalOf(reach),
      bus: line,
      clock,
      log,
      metrics: createMetrics(id, { ofProcess: false }),
      shards: this.shards,
      limits: LIMITS,
      snapshots: { take: (shard) => takeSnapshot(this.journal, shard, log), close: () => Promise.resolve() },
      witness: { read: () => Promise.resolve(remembered), write: () => Promise.resolve() },
      onReplaced: (shard) => cluster.replaced(shard),
    });
    const table = {
      renew: () => Promise.resolve(),
      remove: () => Promise.resolve(),
      others: () => Promise.resolve(new Map<string, number>()),
      isGone: (other: string) => Promise.resolve(this.ended.has(other)),
    };
    const cluster = new Cluster({
      engine,
      bus: line,
      clock,
      log,
      shards: this.shards,
      id,
      host: "here",
      pid: 1,
      table,
    });
    const node = Object.assign(reach, { engine, cluster });
    this.nodes.set(id, node);
    const started = engine.start([]);
    await clock.advance(50);
    await started;
    void cluster.start();
    return node;
  }

  /** How long ago each engine was heard by the others, until `close`. */
  watchBeats(): { since(engine: string): number; close(): void } {
    const heardAt = new Map<string, number>();
    const beats = this.bus.subscribe(MEMBERS, ({ engine }) => void heardAt.set(engine, this.clock.monotonic()));
    return {
      since: (engine) => this.clock.monotonic() - (heardAt.get(engine) ?? -Infinity),
      close: () => beats.close(),
    };
  }

  /** The node's process stands still for so long, and hears all of it when it goes on. */
  async freeze(node: Node, ms: number): Promise<void> {
    const unheard = (node.unheard = [] as (() => void)[]);
    await this.clock.advance(ms);
    node.unheard = undefined;
    for (const hear of unheard) hear();
  }

  /** What each engine owns, with the epochs. */
  reigns(): (readonly [shard: number, epoch: number])[][] {
    return [...this.nodes.values()].map(({ engine }) => [...engine.owned]);
  }

  /** The engines that say of themselves that they have the shard. */
  ownersOf(shard: number): string[] {
    return [...this.nodes].filter(([, { engine }]) => engine.owned.has(shard)).map(([id]) => id);
  }

  owners(): string[] {
    return Array.from({ length: this.shards }, (_, shard) => this.ownersOf(shard)).map((all) =>
      all.length === 1 ? (all[0] ?? "") : `(${all.join()})`,
    );
  }

  /** What comes of it, and how long that took. */
  async until<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
    let done = false;
    void promise.finally(() => {
      done = true;
    });
    let ms = 0;
    for (; !done; ms += 5) await this.clock.advance(5);
    return { value: await promise, ms };
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }

  ask(showtime: ShowtimeId, seats: number[]): Promise<Reply> {
    const rid = `r${this.#rids++}` as RequestId; // Short enough.
    return this.#client.ask({ type: "hold", showtime, holder: holderId("ann"), rid, seats });
  }

  async opened(count: number): Promise<ShowtimeId[]> {
    const showtimes = Array.from({ length: count }, (_, at) => showtimeId(`st-${at}`));
    for (const showtime of showtimes) {
      const rid = "open" as RequestId; // Short enough.
      const plan = smallHall(96);
      await this.until(this.#client.ask({ type: "open", showtime, holder: holderId("c"), rid, plan, rules: RULES }));
    }
    return showtimes;
  }

  /** A bus that one node speaks through, and that can be cut and mended. */
  #lineOf(node: Pick<Node, "isReachable" | "unheard">): Bus {
    const { bus } = this;
    return {
      get isConnected() {
        return node.isReachable;
      },
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
  #journalOf(node: Pick<Node, "hasDatabase">): Journal {
    const { journal } = this;
    const read = (): Promise<void> => this.pause(this.readMs);
    const reached = <T>(work: () => Promise<T>): Promise<T> =>
      node.hasDatabase ? work() : Promise.reject(new Error("PostgreSQL cannot be reached"));
    return {
      warmUp: () => reached(() => journal.warmUp()),
      commit: (commits) => reached(() => journal.commit(commits)),
      claim: (shard, owner) => reached(() => journal.claim(shard, owner)),
      reclaim: (shard, owner) => reached(() => journal.reclaim(shard, owner)),
      noteLosses: (acknowledged) => reached(() => journal.noteLosses(acknowledged)),
      end: (shard, acknowledged) => reached(() => journal.end(shard, acknowledged)),
      epochs: (shards) => reached(() => journal.epochs(shards)),
      async *snapshots(shard) {
        await read();
        yield* journal.snapshots(shard);
      },
      rows: (shard, after) => journal.rows(shard, after),
      oldestRow: () => reached(() => journal.oldestRow()),
      saveSnapshot: (snapshot) => reached(() => journal.saveSnapshot(snapshot)),
    };
  }
}
