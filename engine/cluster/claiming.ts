/** The shards that this engine takes for its own: those that nobody has, and those that it is given. */
import type { Bus } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import { messageOf } from "../../platform/explained/index.ts";
import { type Logger, ReasonTold } from "../../platform/log/index.ts";
import { SERVED } from "../../proto/index.ts";
import { SalesLost } from "../journal/index.ts";
import {
  CLAIMED_TOGETHER,
  PATIENCE_MS,
  RECLAIM_AFTER_FIRST_MS,
  RECLAIM_AFTER_LAST_MS,
  RETRY_AFTER_MS,
} from "./limits.ts";
import type { ShardOwner } from "./shard-owner.ts";

interface Options {
  readonly engine: ShardOwner;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  /** A shard is served now. */
  onServed(): void;
  /** A shard was claimed, or could not be. */
  onDone(): void;
}

export class Claiming {
  readonly #options: Options;
  readonly #shards = new Set<number>();
  /** Requests of each shard that another engine has, as it said last: of what it leaves, the busiest is taken first. */
  readonly #requests = new Map<number, number>();
  /** Shards that are not to be claimed before a time on the monotonic clock, and the wait that this was. */
  readonly #notBefore = new Map<number, { readonly at: number; readonly waitMs: number }>();
  /** Since when another member has a shard that should be ours. */
  readonly #waitingSince = new Map<number, number>();
  /** Shards that could not be read: who serves one keeps it. */
  readonly #unreadable = new Set<number>();
  /** Why shards could not be taken. Where PostgreSQL is away, that is said once, and not of every shard. */
  readonly #why = new ReasonTold();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Another engine says how many it had. */
  noteRequests(shard: number, requests: number): void {
    this.#requests.set(shard, requests);
  }

  /** It was read in advance, or could not be. */
  noteRead(shard: number, isRead: boolean): void {
    if (isRead) this.#unreadable.delete(shard);
    else this.#unreadable.add(shard);
  }

  /** Shards are on their way, and ours may be next. */
  noteHandover(): void {
    this.#waitingSince.clear();
  }

  /** Another engine has taken the shard. Two that cannot hear each other, but PostgreSQL, take turns, ever more slowly. */
  replaced(shard: number): void {
    const now = this.#options.clock.monotonic();
    const last = this.#notBefore.get(shard);
    const isAgain = last !== undefined && now < last.at + RECLAIM_AFTER_LAST_MS;
    this.#wait(shard, isAgain ? Math.min(2 * last.waitMs, RECLAIM_AFTER_LAST_MS) : RECLAIM_AFTER_FIRST_MS);
  }

  /** All shards; first those for which other engines had the most requests. */
  busiestFirst(shards: number): number[] {
    const requests = (shard: number): number => this.#requests.get(shard) ?? 0;
    return Array.from(Array(shards).keys()).sort((a, b) => requests(b) - requests(a));
  }

  /** @param isHeld another member has it, and should give it away */
  claimWhenFree(shard: number, isHeld: boolean): void {
    const now = this.#options.clock.monotonic();
    if (!isHeld) this.#waitingSince.delete(shard);
    else if (this.#unreadable.has(shard)) return;
    else {
      const since = this.#waitingSince.get(shard) ?? now;
      this.#waitingSince.set(shard, since);
      if (now - since < PATIENCE_MS) return;
    }
    const mayClaim = this.#shards.size < CLAIMED_TOGETHER && now >= (this.#notBefore.get(shard)?.at ?? 0);
    if (mayClaim) this.claim(shard); // Once those are served, we look again.
  }

  /** It is ours already, or is not to be. */
  waitNoMore(shard: number): void {
    this.#waitingSince.delete(shard);
  }

  claim(shard: number): void {
    const { engine, bus, onServed, onDone } = this.#options;
    if (this.#shards.has(shard) || engine.owned.has(shard)) return;
    this.#shards.add(shard);
    engine
      .own(shard)
      .then(() => {
        this.#why.forget();
        this.#unreadable.delete(shard);
        const epoch = engine.owned.get(shard);
        if (epoch !== undefined) bus.publish(SERVED, { shard, epoch });
        onServed();
      })
      .catch((error: unknown) => {
        this.#tell(shard, error);
        // One that was lost stays so for long: it is not to take the turns of those that can be served.
        this.#wait(shard, error instanceof SalesLost ? RECLAIM_AFTER_LAST_MS : RETRY_AFTER_MS);
      })
      .finally(() => {
        this.#shards.delete(shard);
        onDone();
      });
  }

  #tell(shard: number, error: unknown): void {
    const { log } = this.#options;
    const reason = messageOf(error);
    const level = error instanceof SalesLost ? "error" : "warn";
    log[this.#why.isNews(error) ? level : "debug"]({ shard, reason }, "a shard cannot be taken over yet");
  }

  #wait(shard: number, waitMs: number): void {
    this.#notBefore.set(shard, { at: this.#options.clock.monotonic() + waitMs, waitMs });
  }
}
