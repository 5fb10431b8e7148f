import { type Clock, every, type Timer } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import {
  ANSWER_WITHIN_MS,
  LEASE_RENEWED_EVERY_MS,
  NEWS_MAX,
  OUTCOME_LOOK_EVERY_MS,
  OUTCOME_WAIT_MS,
} from "../limits.ts";
import type { BookingStore, Stored } from "../store/store.ts";
import { type Booking, type Decision, type Fact, isUndoing, type Told } from "./booking.ts";
import { decide } from "./decide.ts";
import { type Rules, watchedUntil } from "./decisions/moment.ts";
import type { Steps } from "./steps.ts";

interface Options {
  readonly store: BookingStore;
  readonly steps: Steps;
  readonly rules: Rules;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The booking is forgotten: it could not be pinned. */
interface Dropped {
  readonly dropped: Problem;
}

/** A booking that was told a fact, and whether its steps are the teller's to do. */
export interface Heard {
  readonly stored: Stored;
  readonly mine: boolean;
}

/** What came of a booking's first step. */
export interface FirstOutcome {
  readonly fact: Fact;
  readonly stored: Stored;
}

/**
 * Why a booking is advanced. Each of the first three has places of its own, so that none keeps another waiting: its time has come, there is
 * news of its payment, it is being undone. A request that waits for the first step takes none.
 */
type Cause = "due" | "news" | "undoing" | "request";

/** A booking that this process advances. */
interface Advance {
  /** There may be news of the payment, which is not read yet. */
  hasNews: boolean;
  /** As it was last written. */
  cause: Cause;
  /** Who waits for the first step. */
  readonly first?: { resolve(outcome: FirstOutcome): void; reject(why: unknown): void };
}

/** Facts that a plan foresees: when the row holds what follows as well, they need no write of their own. */
const FORESEEN: ReadonlySet<Fact["type"]> = new Set(["confirmed", "released"]);

/**
 * The shell around `decide`: brings facts to the rows of bookings, and does the steps that follow. Whoever holds the lease of a
 * booking does its steps; facts from outside are written whether or not somebody does, who then finds them at the next write.
 */
export class Saga {
  readonly #store: BookingStore;
  readonly #steps: Steps;
  readonly #rules: Rules;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #advancing = new Map<string, Advance & { readonly done: Promise<void> }>();
  /** Leases that were asked for because of news, and not had yet. */
  readonly #claims = new Set<Promise<Stored | undefined>>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #stopping = false;

  constructor({ store, steps, rules, clock, log }: Options) {
    this.#store = store;
    this.#steps = steps;
    this.#rules = rules;
    this.#clock = clock;
    this.#log = log;
  }

  /** Bookings that this process advances now, or is about to. */
  get advancing(): number {
    return this.#advancing.size + this.#claims.size;
  }

  /** Those of them that are advanced for this reason. */
  count(cause: Cause): number {
    let count = cause === "news" ? this.#claims.size : 0;
    for (const advance of this.#advancing.values()) if (advance.cause === cause) count++;
    return count;
  }

  /** Whether a fact from outside would change the booking, as it stands. @throws Problem */
  wouldChange({ booking }: Stored, fact: Fact): boolean {
    return this.#decide(booking, fact, this.#clock.now()).booking !== booking;
  }

  /** A fact from outside, whatever others write meanwhile. @throws Problem */
  async tell(stored: Stored, fact: Fact): Promise<Heard> {
    for (let before = stored; ; before = await this.#again(before)) {
      const heard = await this.tellAsItStands(before, fact);
      if (heard !== undefined) return heard;
    }
  }

  /** As `tell`, but undefined, and nothing has changed, when somebody else has written meanwhile. @throws Problem */
  async tellAsItStands(before: Stored, fact: Fact): Promise<Heard | undefined> {
    const now = this.#clock.now();
    const { booking, told } = this.#decide(before.booking, fact, now);
    if (booking === before.booking) return { stored: before, mine: false };
    const mine = before.leaseUntil <= now && isDue(booking, now);
    const change = { booking, told, lease: mine ? "take" : "keep", calledOff: before.calledOff } as const;
    const after = await this.#store.write(before, change, now);
    if (after !== undefined) this.#changed(booking.id);
    return after && { stored: after, mine };
  }

  /**
   * Begins to do the steps of a leased booking, none of which was ever done before.
   * @returns what came of the first. @throws Problem when the booking is forgotten, since it could not be pinned
   */
  begin(leased: Stored): Promise<FirstOutcome> {
    return new Promise((resolve, reject) => {
      this.#enter(leased, { hasNews: false, cause: "request", first: { resolve, reject } }).catch(reject);
    });
  }

  /** Does the steps of a leased booking until none is due. Never fails: whatever goes wrong is tried again when the lease is over. */
  async advance(leased: Stored, { hasNews = false } = {}): Promise<void> {
    const { id } = leased.booking;
    await this.#enter(leased, { hasNews, cause: hasNews ? "news" : "due" }).catch((error: unknown) => {
      this.#log.warn({ err: error, booking: id }, "a booking could not be advanced; it is tried again");
    });
  }

  /** Takes the booking in hand unless somebody has it, and reads its payment, of which there may be news. Never fails, as `advance`. */
  async wake(id: string): Promise<void> {
    const known = this.#advancing.get(id);
    if (known !== undefined) {
      known.hasNews = true;
      return;
    }
    // It is looked at when it is due, or told of again.
    if (this.#stopping || this.count("news") >= NEWS_MAX) return;
    const claim = this.#store.claim(id, this.#clock.now()).catch((error: unknown) => {
      this.#log.warn({ err: error, booking: id }, "a booking could not be claimed; it is advanced when it is due");
      return undefined;
    });
    this.#claims.add(claim);
    const leased = await claim;
    this.#claims.delete(claim);
    if (leased !== undefined) await this.advance(leased, { hasNews: true });
  }

  /** The booking once it is as wished, or as it is after a while. */
  async until(id: string, wish: (booking: Booking) => boolean): Promise<Stored | undefined> {
    const deadline = this.#clock.monotonic() + OUTCOME_WAIT_MS;
    for (;;) {
      const changed = this.#nextChange(id);
      const stored = await this.#store.read(id);
      if (stored === undefined || wish(stored.booking) || this.#clock.monotonic() >= deadline) {
        changed.cancel();
        return stored;
      }
      await changed.promise;
    }
  }

  /** Lets the steps under way finish, and does no more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    while (this.#claims.size > 0) await Promise.all(this.#claims); // What they got is advanced by then.
    await Promise.all(Array.from(this.#advancing.values(), ({ done }) => done));
  }

  /** @throws Problem */
  #decide(booking: Booking, fact: Fact, now: number): Extract<Decision, { type: "next" }> {
    const decision = decide(booking, fact, now, this.#rules);
    switch (decision.type) {
      case "next":
        return decision;
      case "dropped":
        throw new Problem(decision.code, decision.message);
      case "refused":
        throw new Problem(decision.code, decision.message, decision.seats && { seats: decision.seats });
    }
  }

  async #enter(leased: Stored, advance: Advance): Promise<void> {
    const { id } = leased.booking;
    // The lease is ours, so whoever had it here is about to leave.
    for (let other = this.#advancing.get(id); other !== undefined; other = this.#advancing.get(id)) await other.done;
    const lease = this.#renewing(id);
    const work = this.#follow(leased, advance);
    const done = work.then(
      () => {},
      () => {},
    );
    this.#advancing.set(id, Object.assign(advance, { done }));
    try {
      await work;
    } finally {
      lease.cancel();
      this.#advancing.delete(id);
      if (advance.hasNews && !this.#stopping) void this.wake(id);
    }
  }

  /** Until the end, nobody else takes the booking for abandoned. */
  #renewing(id: string): Timer {
    return every(this.#clock, LEASE_RENEWED_EVERY_MS, () =>
      this.#store.renew(id, this.#clock.now()).catch((error: unknown) => {
        this.#log.warn({ err: error, booking: id }, "the lease of a booking could not be renewed");
      }),
    );
  }

  async #follow(leased: Stored, advance: Advance): Promise<void> {
    let stored = leased;
    let { booking } = leased;
    let facts: Fact[] = [];
    let first = advance.first !== undefined;
    const begun = advance.cause;
    for (;;) {
      const { hasNews } = advance;
      advance.hasNews = false;
      if (stored.calledOff || isUndoing(booking)) advance.cause = "undoing";
      else advance.cause = begun === "request" && !first ? "due" : begun;
      const fact = await this.#factOf(booking, { first, calledOff: stored.calledOff, hasNews });
      facts.push(fact);
      if (FORESEEN.has(fact.type) && !stored.calledOff) {
        const decision = decide(booking, fact, this.#clock.now(), this.#rules);
        if (decision.type === "next" && decision.booking.steps.length > 0) {
          booking = decision.booking;
          continue;
        }
      }
      const written = await this.#write(stored, facts, advance);
      if ("dropped" in written) {
        advance.hasNews = false;
        return advance.first?.reject(written.dropped);
      }
      if (first) advance.first?.resolve({ fact, stored: written });
      first = false;
      if (written.leaseUntil === 0) {
        if (written.booking.steps.length === 0) advance.hasNews = false;
        return;
      }
      stored = written;
      booking = written.booking;
      facts = [];
    }
  }

  /** What is to be told to the booking: news from outside, or the outcome of its first step. */
  async #factOf(
    booking: Booking,
    { first, calledOff, hasNews }: { first: boolean; calledOff: boolean; hasNews: boolean },
  ): Promise<Fact> {
    const [step] = booking.steps;
    if (calledOff) return { type: "showtime-cancelled" };
    if (hasNews && booking.payment !== null && (step === undefined || step.do === "watch")) {
      return this.#steps.readPayment(booking, { refresh: false });
    }
    if (step === undefined) {
      const leftMs = isDue(booking, this.#clock.now()) ? await this.#steps.timeLeft(booking) : undefined;
      return { type: "due", leftMs };
    }
    // What is answered late counts when it is written.
    const isLast = this.#clock.now() + ANSWER_WITHIN_MS >= watchedUntil(booking, this.#rules);
    const fact = await this.#steps.do(booking, step, { isFirst: first, isLast });
    const decision = decide(booking, fact, this.#clock.now(), this.#rules);
    // An answer that leads nowhere is none: the step would be done again and again.
    const isMute = decision.type === "next" && decision.booking === booking;
    return isMute ? { type: "unanswered", step: step.do } : fact;
  }

  /** Writes what these facts make of the leased booking, on top of whatever others have written meanwhile. */
  async #write(leased: Stored, facts: readonly Fact[], advance: Advance): Promise<Stored | Dropped> {
    for (let before = leased; ; before = await this.#again(before)) {
      const now = this.#clock.now();
      let { booking } = before;
      const told: Told[] = [];
      for (const found of facts) {
        // Whoever has the booking by now may have begun its payment.
        const isOld = found.type === "not-begun" && before !== leased;
        const fact: Fact = isOld ? { type: "unanswered", step: "start" } : found;
        const decision = decide(booking, fact, now, this.#rules);
        if (decision.type === "dropped") {
          if (await this.#store.drop(before)) return { dropped: new Problem(decision.code, decision.message) };
          break;
        }
        if (decision.type === "refused") break; // Steps are not refused; cancelling is told by `tell`.
        ({ booking } = decision);
        told.push(...decision.told);
      }
      const calledOff = before.calledOff && !facts.some(({ type }) => type === "showtime-cancelled");
      const more = calledOff || isDue(booking, now) || (advance.hasNews && booking.steps.length > 0);
      const lease = more && !this.#stopping ? "take" : "drop";
      const after = await this.#store.write(before, { booking, told, lease, calledOff }, now);
      if (after === undefined) continue;
      this.#changed(booking.id);
      return after;
    }
  }

  async #again(stale: Stored): Promise<Stored> {
    const fresh = await this.#store.read(stale.booking.id);
    if (fresh === undefined) throw new Problem("BOOKING_NOT_FOUND", "There is no such booking.");
    return fresh;
  }

  #changed(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  /** Settles at the next change that this process makes, or after a while: another process may make it. */
  #nextChange(id: string): { readonly promise: Promise<void>; cancel(): void } {
    let cancel = (): void => {};
    const promise = new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const timer = this.#clock.after(OUTCOME_LOOK_EVERY_MS, () => cancel());
      cancel = () => {
        timer.cancel();
        waiting.delete(cancel);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
        resolve();
      };
      waiting.add(cancel);
    });
    return { promise, cancel };
  }
}

const isDue = ({ dueAt }: Booking, now: number): boolean => dueAt !== null && dueAt <= now;
