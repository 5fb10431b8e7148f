import type { Bus, Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import { type MemberBeat, MEMBERS } from "../../proto/index.ts";
import { MEMBER_TTL_MS, RATES_EVERY_MS } from "./limits.ts";

export interface Member extends MemberBeat {
  /** On the monotonic clock. */
  readonly firstHeardAt: number;
  readonly heardAt: number;
  /** Its last two beats that were far enough apart: rates are of the time between them. */
  readonly measured: { readonly from: Mark; readonly to: Mark };
}

/** A beat, and when it was heard. */
interface Mark {
  readonly at: number;
  readonly beat: MemberBeat;
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
    for (const { engine, heardAt } of this.#members.values())
      if (now - heardAt > MEMBER_TTL_MS) this.#members.delete(engine);
    return [...this.#members.values()];
  }

  /** It is gone, unless it was heard of again. */
  forget({ engine, heardAt }: Member): void {
    if (this.#members.get(engine)?.heardAt === heardAt) this.#members.delete(engine);
  }

  close(): void {
    this.#subscription.close();
  }

  #hear(beat: MemberBeat): void {
    const heardAt = this.#clock.monotonic();
    const known = this.#members.get(beat.engine);
    const before = known !== undefined && heardAt - known.heardAt <= MEMBER_TTL_MS ? known : undefined;
    const to: Mark = { at: heardAt, beat };
    const isDue = before === undefined || heardAt - before.measured.to.at >= RATES_EVERY_MS;
    this.#members.set(beat.engine, {
      ...beat,
      heardAt,
      firstHeardAt: before?.firstHeardAt ?? heardAt,
      measured: isDue ? { from: before?.measured.to ?? to, to } : before.measured,
    });
  }
}
