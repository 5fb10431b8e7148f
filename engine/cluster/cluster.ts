/**
 * Which shards this engine has, among others. It listens to the members' beats and, with each of its own, brings what it has nearer to what
 * it should have: it claims what nobody has, and hands over what another should have. All of this decides how quickly a shard is served
 * again; that it has one owner is the doing of the epochs in PostgreSQL alone.
 */
import { ExplainedError } from "../../platform/explained/index.ts";
import type { Bus, Subscription } from "../../platform/bus/index.ts";
import { type Clock, every, sleep, type Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { type Handover, HANDOVERS, MEMBERS, type ServedShard } from "../../proto/index.ts";
import {
  BEAT_EVERY_MS,
  CUT_OFF_MS,
  ECHO_WITHIN_MS,
  LEAVE_HURRIES_AFTER_MS,
  LEAVE_TIMEOUT_MS,
  LOOK_EVERY_MS,
  MEMBER_TTL_MS,
  MISSED_AFTER_MS,
  SETTLED_MS,
  STRANGERS_AFTER_MS,
} from "./limits.ts";
import { Claiming } from "./claiming.ts";
import { Giving } from "./giving.ts";
import { keepRenewing } from "./keep-renewing.ts";
import { type Member, Members } from "./members.ts";
import { ownerOf } from "./rendezvous.ts";
import type { ShardOwner } from "./shard-owner.ts";

/** The engines that PostgreSQL knows; see `MemberTable`. */
export interface KnownEngines {
  renew(): Promise<void>;
  remove(): Promise<void>;
  others(): Promise<ReadonlyMap<string, number>>;
  isGone(engine: string): Promise<boolean>;
}

/** Engines of another cluster use the same database; the message is one sentence with the way out. */
class TwoClusters extends ExplainedError {
  override readonly name = "TwoClusters";
}

interface ClusterOptions {
  readonly table: KnownEngines;
  readonly engine: ShardOwner;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly shards: number;
  /** Names this run of this process, unlike any other. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

/** `listening`: it only hears who is there. `member`: it takes part. `leaving`: it gives away what it has. `over`: it speaks of no shard any more. */
type Phase = "listening" | "member" | "leaving" | "over";

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #members: Members;
  readonly #handovers: Subscription;
  #beatTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  #renewing: Timer | undefined;
  #phase: Phase = "listening";
  /** Engines that were heard before this one took part, also such as have died meanwhile. */
  readonly #heardBefore = new Set<string>();
  /** On the monotonic clock. */
  #heardItselfAt = -Infinity;
  /** Silent members, while PostgreSQL is asked about them. */
  readonly #missed = new Set<string>();
  readonly #claiming: Claiming;
  readonly #giving: Giving;
  /** When PostgreSQL was last out of reach, on the monotonic clock. */
  #cutOffAt = -Infinity;
  #whenEmpty: (() => void) | undefined;

  constructor(options: ClusterOptions) {
    const { bus, clock } = options;
    this.#options = options;
    this.#claiming = new Claiming({ ...options, onServed: () => this.#tell(), onDone: () => this.#reconcile() });
    this.#giving = new Giving({
      ...options,
      isThere: (engine) => this.#isThere(engine),
      givesAll: () => this.#phase === "leaving",
      onDone: () => this.#reconcile(),
    });
    this.#members = new Members(bus, clock, (beat) => {
      if (beat.engine === options.id) return this.#hearItself(beat.saidAt);
      if (this.#phase === "listening") this.#heardBefore.add(beat.engine);
      for (const [shard, epoch, requests] of beat.shards) {
        this.#claiming.noteRequests(shard, requests);
        options.engine.noteServedElsewhere(shard, epoch);
        this.#giving.noteServed(shard);
      }
      if (beat.leaving) this.#reconcile();
    });
    this.#handovers = bus.subscribe(HANDOVERS, (handover) => this.#hear(handover));
  }

  /**
   * Begins to take part. Where it cannot, it leaves nothing behind: nobody will ask it to leave.
   * @throws TwoClusters when engines use the database that cannot be heard on the bus
   */
  async start(): Promise<void> {
    const { table, clock } = this.#options;
    this.#beatTimer = clock.after(0, () => this.#listen());
    try {
      const renewing = await keepRenewing(this.#options); // Before it looks: of two that start at once, one at least sees the other.
      if (this.#phase === "over") renewing.cancel();
      else this.#renewing = renewing;
      await this.#requireNoStrangers();
    } catch (error) {
      this.#phase = "over";
      this.#close();
      await table.remove().catch(() => undefined); // It grows old by itself.
      throw error;
    }
    if (this.#phase !== "listening") return; // It is leaving already.
    this.#beatTimer.cancel();
    this.#phase = "member";
    this.#heardBefore.clear();
    this.#beat();
    this.#look();
    this.#lookTimer = every(clock, LOOK_EVERY_MS, () => this.#look());
  }

  /** A stranger lives, by its row, and is not heard. One whose row is new may be heard yet: it is looked for again. */
  async #requireNoStrangers(): Promise<void> {
    const { table } = this.#options;
    let before = await table.others();
    for (let isClear = false; !isClear;) {
      await sleep(this.#options.clock, STRANGERS_AFTER_MS);
      const now = await table.others();
      const unheard = [...now].filter(([engine]) => !this.#heardBefore.has(engine));
      const strangers = unheard.filter(([engine, seenAt]) => seenAt !== (before.get(engine) ?? seenAt));
      if (strangers.length > 0) {
        throw new TwoClusters(
          `Engines that are not on this NATS use the same database (${strangers.map(([engine]) => engine).join(", ")}): ` +
            "give each cluster a database of its own, or all engines the same NATS_URL.",
        );
      }
      isClear = unheard.every(([engine]) => before.has(engine));
      before = now;
    }
  }

  /**
   * Whether it has heard the others for long enough to know who is there: it has if it has heard itself. One that is new, was
   * stopped for a while, or had no way to the bus must not take silence for death.
   */
  get hasListened(): boolean {
    const { clock, id } = this.#options;
    const self = this.#members.live.find((member) => member.engine === id);
    return self !== undefined && clock.monotonic() - self.firstHeardAt > MEMBER_TTL_MS;
  }

  /** Another engine has taken the shard. */
  replaced(shard: number): void {
    this.#claiming.replaced(shard);
  }

  /** Gives every shard to those who stay, and returns when it has none, or when nobody is there to take them. */
  async leave(): Promise<void> {
    this.#phase = "leaving";
    const { engine, clock } = this.#options;
    if (engine.owned.size > 0) {
      await new Promise<void>((resolve) => {
        const hurry = clock.after(LEAVE_HURRIES_AFTER_MS, () => this.#giving.hurry());
        const timer = clock.after(LEAVE_TIMEOUT_MS, resolve);
        this.#whenEmpty = () => {
          hurry.cancel();
          timer.cancel();
          resolve();
        };
        this.#beatTimer?.cancel();
        this.#beat();
      });
    }
    this.#phase = "over";
    this.#tell(); // What it still has may be taken at once.
    this.#close();
    await this.#options.table.remove().catch(() => undefined); // It grows old by itself.
  }

  #close(): void {
    this.#beatTimer?.cancel();
    this.#lookTimer?.cancel();
    this.#renewing?.cancel();
    this.#handovers.close();
    this.#members.close();
  }

  /** Beats while it listens, so that it hears itself, but claims nothing yet. */
  #listen(): void {
    this.#tell();
    if (this.#phase !== "over") this.#beatTimer = this.#options.clock.after(BEAT_EVERY_MS, () => this.#listen());
  }

  #beat(): void {
    this.#tell();
    this.#beatTimer = every(this.#options.clock, BEAT_EVERY_MS, () => this.#tell());
  }

  /**
   * When its own beat comes back, everything sent before it has been read. So an engine that stood still does not mistake unread beats for
   * silence.
   */
  #hearItself(saidAt: number): void {
    const now = this.#options.clock.monotonic();
    if (now - saidAt > ECHO_WITHIN_MS) return; // It is from before it stood still.
    this.#heardItselfAt = now;
    if (this.#isCutOff) this.#cutOffAt = this.#heardItselfAt;
    this.#reconcile();
  }

  get #hearsItself(): boolean {
    return this.#options.clock.monotonic() - this.#heardItselfAt <= MISSED_AFTER_MS;
  }

  #look(): void {
    if (this.#hearsItself) this.#missTheSilent();
  }

  /** Silence alone is taken for death only after a while; a process that has ended is known sooner. */
  #missTheSilent(): void {
    const { clock, id, table } = this.#options;
    const since = clock.monotonic() - MISSED_AFTER_MS;
    for (const member of this.#members.live) {
      const { engine, heardAt } = member;
      if (engine === id || heardAt > since || this.#missed.has(engine)) continue;
      this.#missed.add(engine);
      void table
        .isGone(engine)
        .catch(() => false) // PostgreSQL is away: nobody could claim anything now.
        .then((isGone) => {
          this.#missed.delete(engine);
          if (!isGone) return;
          this.#members.forget(member);
          this.#reconcile();
        });
    }
  }

  #tell(): void {
    const { engine, bus, clock, id, host, pid, shards: shardCount } = this.#options;
    const epochs = this.#isCutOff || this.#phase === "over" ? [] : new Map([...this.#giving.notGiven, ...engine.owned]);
    const shards = Array.from(epochs, ([shard, epoch]): ServedShard => {
      const { requests, commits } = engine.countsOf(shard);
      return [shard, epoch, requests, commits];
    });
    // What a dead engine left would wait for one that only listens.
    const leaving = this.#phase !== "member" || this.#isCutOff;
    const saidAt = clock.monotonic();
    bus.publish(MEMBERS, { engine: id, host, pid, saidAt, leaving, shards, shardCount, ...engine.totals });
  }

  /** It has no way to PostgreSQL, and can serve nothing: those who have one may take all it has, without asking. */
  get #isCutOff(): boolean {
    return this.#options.engine.unprovenMs > CUT_OFF_MS;
  }

  get #mayDecide(): boolean {
    if (this.#phase === "listening" || this.#phase === "over") return false;
    // Those who lost PostgreSQL together find it again one after another: nobody takes what another is about to serve again.
    const isBack = this.#options.clock.monotonic() - this.#cutOffAt > MEMBER_TTL_MS;
    return isBack && this.#hearsItself && this.hasListened;
  }

  #reconcile(): void {
    if (!this.#mayDecide) return;
    const { engine, shards, id } = this.#options;
    const { owned } = engine; // Each look makes a new map. What is begun below ends after we are through, and has us look again.
    const others = this.#members.live.filter((member) => member.engine !== id);
    const staying = others.filter((member) => !member.leaving).map((member) => member.engine);
    if (this.#phase === "member") staying.push(id);
    const holders = new Map(
      others.flatMap((member) => member.shards.map(([shard]) => [shard, member.engine] as const)),
    );
    for (const shard of this.#claiming.busiestFirst(shards)) {
      const wanted = ownerOf(shard, staying);
      const isOurs = owned.has(shard);
      if (wanted === id && !isOurs) this.#claiming.claimWhenFree(shard, holders.has(shard));
      else this.#claiming.waitNoMore(shard);
      if (isOurs && wanted !== undefined && wanted !== id) {
        const member = others.find((other) => other.engine === wanted);
        if (member !== undefined) this.#handOver(shard, member);
      }
    }
    const isEmpty = owned.size === 0 && this.#giving.isEmpty;
    if (this.#phase === "leaving" && (isEmpty || staying.length === 0)) this.#whenEmpty?.();
  }

  #hear({ shard, phase, from, to }: Handover): void {
    const { engine, bus, id, log } = this.#options;
    this.#claiming.noteHandover();
    if (to !== id) return;
    if (phase === "ready" || phase === "unreadable") this.#giving.noteRead(shard, from, phase === "ready");
    else if (this.#phase !== "member" || engine.owned.has(shard)) return;
    else if (phase === "take") this.#claiming.claim(shard);
    else {
      const told = (isRead: boolean): void => {
        this.#claiming.noteRead(shard, isRead);
        bus.publish(HANDOVERS, { shard, phase: isRead ? "ready" : "unreadable", from: id, to: from });
      };
      engine
        .prepare(shard)
        .then(
          () => told(true),
          (error: unknown) => {
            log.warn({ shard, err: error }, "a shard that is to be ours cannot be read: its owner is to keep it");
            told(false);
          },
        )
        .catch(() => undefined); // The bus is closed: we are leaving.
    }
  }

  #handOver(shard: number, to: Member): void {
    const isSettled = this.#phase === "leaving" || this.#options.clock.monotonic() - to.firstHeardAt >= SETTLED_MS;
    if (isSettled) this.#giving.give(shard, to.engine);
  }

  /** Whether an engine that is to have a shard can take it. */
  #isThere(engine: string): boolean {
    return this.#members.live.some((member) => member.engine === engine && !member.leaving);
  }
}
