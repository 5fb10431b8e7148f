import type { Bus, Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import { type MemberBeat, MEMBERS } from "../../proto/index.ts";
import { MEMBER_TTL_MS } from "./limits.ts";

export interface Member extends MemberBeat {
  /** On the monotonic clock. */
  readonly firstHeardAt: number;
  readonly heardAt: number;
}

/** The engines that were heard of lately. A hint, and no more: who owns a shard is for PostgreSQL to say. */
export class Members {
  readonly #clock: Clock;
  readonly #members = new Map<string, Member>();
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
      if (now - heardAt > MEMBER_TTL_MS) this.#members.delete(engine);
    }
    return [...this.#members.values()];
  }

  close(): void {
    this.#subscription.close();
  }

  #hear(beat: MemberBeat): void {
    const heardAt = this.#clock.monotonic();
    const before = this.#members.get(beat.engine);
    const isNew = before === undefined || heardAt - before.heardAt > MEMBER_TTL_MS;
    this.#members.set(beat.engine, { ...beat, heardAt, firstHeardAt: isNew ? heardAt : before.firstHeardAt });
  }
}
