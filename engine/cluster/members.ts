import type { Bus, Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import { type MemberBeat, MEMBERS } from "../../proto/index.ts";
import { MEMBER_TTL_MS } from "./limits.ts";

export interface Member extends MemberBeat {
  /** On the monotonic clock. */
  readonly firstHeardAt: number;
  readonly heardAt: number;
  /** Between its last two beats that were far enough apart. */
  readonly perSecond: Rates;
}

interface Rates {
  readonly requests: number;
  readonly commits: number;
}

/** What rates are measured from. */
interface Mark {
  readonly at: number;
  readonly requests: number;
  readonly commits: number;
}

const RATES_EVERY_MS = 1_000;

/** The engines that were heard of lately. A hint, and no more: who owns a shard is for PostgreSQL to say. */
export class Members {
  readonly #clock: Clock;
  readonly #members = new Map<string, Member>();
  readonly #marks = new Map<string, Mark>();
  readonly #subscription: Subscription;

  constructor(bus: Bus, clock: Clock, heard: (beat: MemberBeat) => void = () => undefined) {
    this.#clock = clock;
    this.#subscription = bus.subscribe(MEMBERS, (beat) => {
      this.#hear(beat);
      heard(beat);
    });
  }

  /** Those that live. */
  get live(): readonly Member[] {
    const now = this.#clock.monotonic();
    for (const { engine, heardAt } of this.#members.values()) {
      if (now - heardAt <= MEMBER_TTL_MS) continue;
      this.#members.delete(engine);
      this.#marks.delete(engine);
    }
    return [...this.#members.values()];
  }

  /** It is gone, unless it was heard of again. */
  forget({ engine, heardAt }: Member): void {
    if (this.#members.get(engine)?.heardAt !== heardAt) return;
    this.#members.delete(engine);
    this.#marks.delete(engine);
  }

  close(): void {
    this.#subscription.close();
  }

  #hear(beat: MemberBeat): void {
    const heardAt = this.#clock.monotonic();
    const before = this.#members.get(beat.engine);
    const isNew = before === undefined || heardAt - before.heardAt > MEMBER_TTL_MS;
    const perSecond = this.#ratesOf(beat, heardAt, isNew ? undefined : before.perSecond);
    this.#members.set(beat.engine, {
      ...beat,
      heardAt,
      firstHeardAt: isNew ? heardAt : before.firstHeardAt,
      perSecond,
    });
  }

  #ratesOf({ engine, requests, commits }: MemberBeat, at: number, before: Rates | undefined): Rates {
    const mark = this.#marks.get(engine);
    if (mark !== undefined && before !== undefined && at - mark.at < RATES_EVERY_MS) return before;
    this.#marks.set(engine, { at, requests, commits });
    if (mark === undefined || before === undefined) return { requests: 0, commits: 0 };
    const seconds = (at - mark.at) / 1_000;
    return { requests: (requests - mark.requests) / seconds, commits: (commits - mark.commits) / seconds };
  }
}
