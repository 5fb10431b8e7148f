/** The shards that this engine hands over: their next owners read them first, and then they change hands. */
import type { Bus } from "../../platform/bus/index.ts";
import { type Clock, within } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { HANDOVERS } from "../../proto/index.ts";
import { GIVEN_TOGETHER, PREPARED_WITHIN_MS, TAKEN_WITHIN_MS, UNREADABLE_FOR_MS } from "./limits.ts";
import type { ShardOwner } from "./shard-owner.ts";
import { Turns } from "./turns.ts";

interface Options {
  readonly engine: ShardOwner;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  /** This engine's. */
  readonly id: string;
  /** Whether an engine that is to have a shard can take it. */
  isThere(engine: string): boolean;
  /** Whether it gives whatever it has, also to who cannot read it: it is leaving. */
  givesAll(): boolean;
  /** A shard was given, or is kept after all. */
  onDone(): void;
}

export class Giving {
  readonly #options: Options;
  /** With their epochs: they are this engine's until they are given. */
  readonly #shards = new Map<number, number>();
  /** Shards that another engine is asked to read; called when it has, or cannot. */
  readonly #preparing = new Map<number, () => void>();
  /** Shards that an engine could not read, and until when, on the monotonic clock, that one is not given them. */
  readonly #kept = new Map<number, { readonly from: string; readonly until: number }>();
  /** Shards that were given away and are not known to be served yet; called when they are. */
  readonly #given = new Map<number, () => void>();
  readonly #turns = new Turns();
  #isInAHurry = false;

  constructor(options: Options) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#shards.size === 0;
  }

  get notGiven(): readonly (readonly [shard: number, epoch: number])[] {
    return [...this.#shards].filter(([shard]) => !this.#given.has(shard));
  }

  /** From now on the next owners may have more to read. */
  hurry(): void {
    this.#isInAHurry = true;
  }

  /** Begins with it, unless it has begun, or too many others are on their way: `onDone` says when to look again. */
  give(shard: number, to: string): void {
    const { engine, log, onDone } = this.#options;
    const epoch = engine.owned.get(shard);
    if (epoch === undefined || this.#shards.has(shard)) return;
    if (this.#turns.isPassing || this.#shards.size >= GIVEN_TOGETHER) return;
    if (this.#isKept(shard, to)) return;
    this.#shards.set(shard, epoch);
    this.#give(shard, to)
      .catch((error: unknown) => log.error({ shard, err: error }, "a shard was given up, and nobody could be told"))
      .finally(() => {
        this.#shards.delete(shard);
        onDone();
      });
  }

  /** The next owner says so. */
  noteRead(shard: number, by: string, isRead: boolean): void {
    if (isRead) this.#kept.delete(shard);
    else this.#kept.set(shard, { from: by, until: this.#options.clock.monotonic() + UNREADABLE_FOR_MS });
    this.#preparing.get(shard)?.();
  }

  /** Rather served by the one engine that can than by none. */
  #isKept(shard: number, to: string): boolean {
    const { clock, givesAll } = this.#options;
    const kept = this.#kept.get(shard);
    return kept?.from === to && clock.monotonic() < kept.until && !givesAll();
  }

  /** Another engine says that it has the shard. */
  noteServed(shard: number): void {
    this.#given.get(shard)?.();
  }

  async #give(shard: number, to: string): Promise<void> {
    const { engine, isThere } = this.#options;
    await this.#turns.read(async () => {
      if (!this.#isInAHurry && isThere(to)) await engine.wrapUp(shard);
      await this.#haveItRead(shard, to);
    });
    await this.#turns.pass(() => this.#pass(shard, to));
  }

  /** By its next owner, which goes on from what it has read of it. */
  async #haveItRead(shard: number, to: string): Promise<void> {
    const { bus, id, isThere } = this.#options;
    if (!isThere(to)) return;
    await this.#toldWithin(PREPARED_WITHIN_MS, this.#preparing, shard, () =>
      bus.publish(HANDOVERS, { shard, phase: "prepare", from: id, to }),
    );
  }

  /** From the end of a shard here to its beginning there. */
  async #pass(shard: number, to: string): Promise<void> {
    const { engine, bus, id, log, isThere } = this.#options;
    if (!this.#isInAHurry) await this.#haveItRead(shard, to); // What was committed while the others of its group were read.
    if (!isThere(to) || this.#isKept(shard, to)) return; // It keeps the shard.
    const wasOurs = await engine.disown(shard);
    if (!wasOurs) return; // Somebody else has taken it meanwhile.
    log.info({ shard, to }, "a shard is handed over");
    await this.#toldWithin(TAKEN_WITHIN_MS, this.#given, shard, () =>
      bus.publish(HANDOVERS, { shard, phase: "take", from: id, to }),
    );
  }

  /** Says something of a shard, and waits until it is told, or for so long. */
  async #toldWithin(ms: number, waiting: Map<number, () => void>, shard: number, say: () => void): Promise<void> {
    const told = new Promise<void>((resolve) => void waiting.set(shard, resolve));
    try {
      say();
      await within(this.#options.clock, ms, told, () => undefined);
    } finally {
      waiting.delete(shard);
    }
  }
}
