/** The shards that one process owns, with their group commit, snapshots and witness. Which they are is decided above: all, or by the cluster. */
import type { Bus, Subscription } from "../platform/bus/index.ts";
import { type Clock, endOfTurn, every, type Timer } from "../platform/clock/index.ts";
import { type Logger, ReasonTold } from "../platform/log/index.ts";
import { type Registry, sampledCounter, sampledDurations, sampledGauge } from "../platform/metrics/index.ts";
import {
  type CommandBatch,
  commandsTo,
  type Endpoint,
  type MemberBeat,
  type ReplyBatch,
  type SaleLimits,
  salesCommandsTo,
} from "../proto/index.ts";
import { EngineCounts } from "./counts.ts";
import { type Acknowledged, type Journal, type Loss, NOTHING_ACKNOWLEDGED, type Witness } from "./journal/index.ts";
import { LINGER_MS, PREPARED_KEPT_MS, PROVE_EVERY_MS, WITNESS_EVERY_MS } from "./limits.ts";
import { GroupCommit, Proof, recover, type Recovery, RefusalMemory, REFUSALS_MAX, Shard } from "./shard/index.ts";
import { SnapshotSchedule, type SnapshotTaker } from "./snapshot/index.ts";

interface EngineOptions {
  /** Names this run of this process, unlike any other. */
  readonly id: string;
  readonly journal: Journal;
  readonly snapshots: SnapshotTaker;
  readonly witness: Witness;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  /** How many virtual shards there are. */
  readonly shards: number;
  readonly limits: SaleLimits;
  /** Another engine has taken a shard: this one does not have it any more. */
  onReplaced(shard: number): void;
}

interface Owned {
  readonly shard: Shard;
  readonly subscriptions: readonly Subscription[];
}

const close = ({ subscriptions }: Owned): void => {
  for (const subscription of subscriptions) subscription.close();
};

export class Engine {
  readonly #options: EngineOptions;
  readonly #schedule: SnapshotSchedule;
  readonly #commits: GroupCommit;
  readonly #refusals: RefusalMemory;
  readonly #proof: Proof;
  readonly #owned = new Map<number, Owned>();
  /** Subscriptions of shards that were given away. */
  readonly #lingering = new Map<number, readonly Subscription[]>();
  /** Shards that are about to be handed over to this engine: what was read of them, or is being read. */
  readonly #prepared = new Map<number, Promise<Recovery>>();
  #acknowledged: ReadonlyMap<number, Acknowledged> = new Map();
  /** Of shards that another engine took, the newest row that this one was told is durable: it is still to be asked whether it is there. */
  #unchecked = new Map<number, Acknowledged>();
  #witnessTimer: Timer | undefined;
  #witnessing: Promise<void> = Promise.resolve();
  #proofTimer: Timer | undefined;
  /** Why PostgreSQL says nothing. */
  readonly #whyAway = new ReasonTold();
  #isStopped = false;
  readonly #counts: EngineCounts;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#schedule = new SnapshotSchedule(options.snapshots, options.clock, options.log);
    this.#commits = new GroupCommit(options.journal, options.clock);
    this.#refusals = new RefusalMemory({ clock: options.clock, max: REFUSALS_MAX });
    this.#proof = new Proof(options.clock);
    this.#counts = new EngineCounts(options.metrics);
    sampledDurations({
      registry: options.metrics,
      name: "usher_engine_commit_seconds",
      help: "Time of a group commit, with which the rows of all shards go out together",
      series: [{ labels: {}, durations: this.#commits.durations }],
    });
    sampledCounter({
      registry: options.metrics,
      name: "usher_engine_commits_failed_total",
      help: "Group commits that came to nothing",
      read: () => this.#commits.failed,
    });
    sampledGauge({
      registry: options.metrics,
      name: "usher_engine_shards_serving",
      help: "Shards that serve",
      read: () => this.serving,
    });
  }

  /** Takes these shards over, all when none are named, and serves them. @throws when one cannot be recovered. */
  async start(shards: Iterable<number> = Array(this.#options.shards).keys()): Promise<void> {
    this.#acknowledged = await this.#options.witness.read();
    this.#tellOf(await this.#options.journal.noteLosses(this.#acknowledged));
    const warmUp = this.#options.journal.warmUp().catch(() => undefined); // What comes first will see to it.
    await Promise.all([this.#prove(), warmUp]);
    await Promise.all(Array.from(shards, (shard) => this.own(shard)));
    if (this.#isStopped) return;
    const { clock } = this.#options;
    this.#witnessTimer = every(clock, WITNESS_EVERY_MS, () => {
      void this.#checkTaken(); // Beside it, so that a PostgreSQL that is silent keeps no witness from being written. It never rejects.
      return (this.#witnessing = this.#bearWitness());
    });
    this.#proofTimer = every(clock, PROVE_EVERY_MS, () => this.#prove());
  }

  /** Reads a shard that another engine has still, or goes on reading it: once it is claimed, only what happened since is left to read. */
  async prepare(id: number): Promise<void> {
    const reading = this.#read(id, this.#prepared.get(id));
    const forget = (): void => {
      if (this.#prepared.get(id) === reading) this.#prepared.delete(id);
    };
    this.#prepared.set(id, reading);
    await reading.catch((error: unknown) => {
      forget();
      throw error;
    });
    this.#options.clock.after(PREPARED_KEPT_MS, forget);
  }

  /** What was read `before` goes on to its end: should that fail, everything is read. */
  async #read(id: number, before: Promise<Recovery> | undefined): Promise<Recovery> {
    const { journal, clock } = this.#options;
    const turn = (): Promise<void> => endOfTurn(clock);
    return recover(journal, id, () => undefined, { before: await before?.catch(() => undefined), turn });
  }

  /** Takes a shard over and serves it. @throws when it cannot be recovered, or is claimed by another at the same time. */
  async own(id: number): Promise<void> {
    const { id: owner, journal, bus, clock, log, limits, shards } = this.#options;
    const prepared = this.#prepared.get(id)?.catch(() => undefined);
    this.#prepared.delete(id);
    const proof = new Proof(clock);
    const shard = new Shard({
      id,
      owner,
      shards,
      journal,
      commits: this.#commits,
      bus,
      clock,
      log,
      limits,
      refusals: this.#refusals,
      proof,
      prepared,
      acknowledged: this.#acknowledged.get(id) ?? NOTHING_ACKNOWLEDGED,
      onCommitted: (bytes, requests) => this.#committed(id, bytes, requests),
      onReplaced: () => this.#replaced(id, shard),
    });
    await shard.start();
    this.#schedule.note(id, shard.replayed);
    if (this.#isStopped) return shard.stop();
    this.#endLingering(id); // Should it have been given away a moment ago.
    const serve = (endpoint: Endpoint<CommandBatch, ReplyBatch>): Subscription =>
      bus.serve(endpoint, (batch, answer) => shard.handle(batch, answer));
    this.#owned.set(id, { shard, subscriptions: [serve(commandsTo(id)), serve(salesCommandsTo(id))] });
    if (!proof.isFresh) await this.#prove(); // It took long to read.
  }

  /** Has a snapshot taken, so that the next owner reads little. */
  async wrapUp(id: number): Promise<void> {
    if (this.#owned.has(id)) await this.#schedule.takeBeforeHandover(id);
  }

  /**
   * Gives a shard up: what was decided is answered, and nothing more is taken.
   * @returns whether the shard was this engine's until now
   */
  async disown(id: number): Promise<boolean> {
    const owned = this.#owned.get(id);
    if (owned === undefined) return false;
    this.#owned.delete(id);
    this.#schedule.forget(id);
    await owned.shard.stop();
    if (this.#owned.has(id)) close(owned); // It has come back meanwhile, and answers.
    else this.#linger(id, owned);
    return true;
  }

  /** Another engine answers for the shard now, with `epoch`. This one must not answer any more, not even that the shard is away. */
  noteServedElsewhere(id: number, epoch: number): void {
    this.#owned.get(id)?.shard.noteServedElsewhere(epoch);
    this.#endLingering(id);
  }

  /** The shards that this engine has, with their epochs. */
  get owned(): ReadonlyMap<number, number> {
    return new Map(Array.from(this.#owned, ([id, { shard }]) => [id, shard.epoch]));
  }

  /** Totals of all shards: commits and requests since the start, requests that wait for their commit, and how long a commit takes just now. */
  get totals(): Pick<MemberBeat, "commits" | "requests" | "waiting" | "commitMs"> {
    let waiting = 0;
    for (const { shard } of this.#owned.values()) waiting += shard.waiting;
    const [commits, requests] = [this.#counts.total("commits"), this.#counts.total("requests")];
    return { commits, requests, waiting, commitMs: this.#commits.tookMs };
  }

  /** A shard's counts since the start. */
  countsOf(shard: number): { readonly requests: number; readonly commits: number } {
    return this.#counts.of(shard);
  }

  /** How long PostgreSQL has said nothing to this engine, in milliseconds: it may serve nothing then. */
  get unprovenMs(): number {
    return this.#proof.ageMs;
  }

  /** To be called once buyers can reach the engine: what the rest of the process took to start is given back to holds. */
  reachable(): void {
    for (const { shard } of this.#owned.values()) shard.reachable();
  }

  /** Answers what was asked, and takes no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#proofTimer?.cancel();
    for (const id of Array.from(this.#lingering.keys())) this.#endLingering(id);
    const all = [...this.#owned.values()];
    for (const owned of all) close(owned);
    await Promise.all(all.map(({ shard }) => shard.stop()));
    this.#witnessTimer?.cancel();
    await this.#witnessing;
    await this.#bearWitness();
    await this.#schedule.close();
  }

  /** Shards that serve now. */
  get serving(): number {
    let serving = 0;
    for (const { shard } of this.#owned.values()) if (shard.isServing) serving++;
    return serving;
  }

  #replaced(id: number, shard: Shard): void {
    const owned = this.#owned.get(id);
    if (owned?.shard !== shard) return;
    this.#owned.delete(id);
    this.#acknowledged = new Map(this.#acknowledged).set(id, shard.acknowledged);
    this.#unchecked.set(id, shard.acknowledged);
    this.#schedule.forget(id);
    this.#linger(id, owned);
    this.#options.onReplaced(id);
  }

  #linger(id: number, { subscriptions }: Owned): void {
    this.#endLingering(id);
    this.#lingering.set(id, subscriptions);
    this.#options.clock.after(LINGER_MS, () => {
      if (this.#lingering.get(id) === subscriptions) this.#endLingering(id);
    });
  }

  #endLingering(id: number): void {
    for (const subscription of this.#lingering.get(id) ?? []) subscription.close();
    this.#lingering.delete(id);
  }

  /** Asks PostgreSQL whether the shards are still this engine's. */
  async #prove(): Promise<void> {
    const { journal, clock, log } = this.#options;
    const asked = clock.monotonic();
    const before = [...this.#owned.values()].map(({ shard }) => ({ shard, epoch: shard.epoch }));
    try {
      const epochs = await journal.epochs();
      for (const { shard, epoch } of before) {
        if (shard.epoch === epoch) shard.noteEpoch(epochs.get(shard.id), asked); // Else it took a new one itself meanwhile.
      }
      this.#proof.renew(asked);
      this.#whyAway.forget();
    } catch (error) {
      log[this.#whyAway.isNews(error) ? "warn" : "debug"](
        { err: error },
        "PostgreSQL does not say who owns the shards; until it does they answer that they are away",
      );
    }
  }

  #committed(shard: number, bytes: number, requests: number): void {
    this.#counts.committed(shard, bytes, requests);
    this.#schedule.note(shard, { rows: 1, bytes });
  }

  /** Where a standby was promoted that was behind, an engine that takes a shard there does not know what is missing; this one does. */
  async #checkTaken(): Promise<void> {
    const rows = this.#unchecked;
    this.#unchecked = new Map();
    try {
      this.#tellOf(await this.#options.journal.noteLosses(rows));
    } catch {
      this.#unchecked = new Map([...rows, ...this.#unchecked]); // `#prove` says why.
    }
  }

  #tellOf(losses: readonly Loss[]): void {
    for (const { shard, row } of losses)
      this.#options.log.error(
        { shard, row },
        "PostgreSQL has lost sales it had acknowledged: nobody serves this shard",
      );
  }

  async #bearWitness(): Promise<void> {
    const acknowledged = new Map(this.#acknowledged);
    for (const [id, { shard }] of this.#owned) acknowledged.set(id, shard.acknowledged);
    this.#acknowledged = acknowledged;
    try {
      await this.#options.witness.write(acknowledged);
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        "the witness cannot be written; a loss by the database might go unnoticed",
      );
    }
  }
}
