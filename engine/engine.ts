/** All shards that one process owns, with their group commit, snapshots and witness. */
import type { Bus, Subscription } from "../platform/bus/index.ts";
import type { Clock, Timer } from "../platform/clock/index.ts";
import type { Logger } from "../platform/log/index.ts";
import { type Registry, sampledCounter, sampledGauge } from "../platform/metrics/index.ts";
import { commandsTo, type SaleLimits } from "../proto/index.ts";
import { type Journal, type Witness } from "./journal/index.ts";
import { GroupCommit, Shard } from "./shard/index.ts";
import { SnapshotSchedule, type SnapshotTaker } from "./snapshot/snapshot-schedule.ts";

export interface EngineOptions {
  readonly journal: Journal;
  readonly snapshots: SnapshotTaker;
  readonly witness: Witness;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  /** How many virtual shards there are; this engine owns them all. */
  readonly shards: number;
  readonly limits: SaleLimits;
  /** Another engine has taken a shard: this process must not go on as if it owned it. */
  onReplaced(shard: number): void;
}

const WITNESS_EVERY_MS = 1_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #schedule: SnapshotSchedule;
  #shards: readonly Shard[] = [];
  #subscriptions: readonly Subscription[] = [];
  #witnessTimer: Timer | undefined;
  #witnessing: Promise<void> = Promise.resolve();
  readonly #count = { commits: 0, bytes: 0, requests: 0 };

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#schedule = new SnapshotSchedule(options.snapshots, options.clock, options.log);
    this.#measure();
  }

  /** Takes every shard over and serves. @throws when a shard cannot be recovered. */
  async start(): Promise<void> {
    const { journal, bus, clock, log, limits, witness } = this.#options;
    const acknowledged = await witness.read();
    const commits = new GroupCommit(journal, clock);
    this.#shards = Array.from(
      { length: this.#options.shards },
      (_, id) =>
        new Shard({
          id,
          journal,
          commits,
          bus,
          clock,
          log,
          limits,
          acknowledgedSeq: acknowledged.get(id) ?? 0,
          onCommitted: (bytes, requests) => this.#committed(id, bytes, requests),
          onReplaced: () => this.#options.onReplaced(id),
        }),
    );
    await Promise.all(this.#shards.map((shard) => shard.start({ once: true })));
    this.#subscriptions = this.#shards.map((shard) =>
      bus.serve(commandsTo(shard.id), (batch, answer) => shard.handle(batch, answer)),
    );
    this.#witnessLater();
  }

  /** To be called once buyers can reach the engine: what the rest of the process took to start is given back to holds. */
  reachable(): void {
    for (const shard of this.#shards) shard.reachable();
  }

  /** Answers what was asked, and takes no more. */
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close();
    await Promise.all(this.#shards.map((shard) => shard.stop()));
    this.#witnessTimer?.cancel();
    await this.#witnessing;
    await this.#bearWitness();
    await this.#schedule.close();
  }

  /** Shards that serve now; the rest are being recovered. */
  get serving(): number {
    return this.#shards.filter((shard) => shard.phase === "serving").length;
  }

  #committed(shard: number, bytes: number, requests: number): void {
    this.#count.commits++;
    this.#count.bytes += bytes;
    this.#count.requests += requests;
    this.#schedule.note(shard, bytes);
  }

  #witnessLater(): void {
    this.#witnessTimer = this.#options.clock.after(WITNESS_EVERY_MS, () => {
      this.#witnessing = this.#bearWitness().then(() => this.#witnessLater());
    });
  }

  async #bearWitness(): Promise<void> {
    const acknowledged = new Map(this.#shards.map((shard) => [shard.id, shard.acknowledgedSeq] as const));
    try {
      await this.#options.witness.write(acknowledged);
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        "the witness cannot be written; a loss by the database might go unnoticed",
      );
    }
  }

  #measure(): void {
    const { metrics: registry } = this.#options;
    const counters = {
      commits: "Rows committed",
      bytes: "Bytes of events committed",
      requests: "Requests answered by a commit",
    } as const;
    for (const name of ["commits", "bytes", "requests"] as const) {
      sampledCounter({
        registry,
        name: `usher_engine_${name}_total`,
        help: counters[name],
        read: () => this.#count[name],
      });
    }
    sampledGauge({
      registry,
      name: "usher_engine_shards_serving",
      help: "Shards that serve",
      read: () => this.serving,
    });
  }
}
