import { type Kysely, sql } from "kysely";
import { doubledMs } from "../../platform/back-off/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { Poller } from "../../platform/poller/index.ts";
import type { TicketFollower } from "./follower.ts";
import {
  FOLLOW_BACK_OFF_FIRST_MS,
  FOLLOW_BACK_OFF_MAX_MS,
  FOLLOW_LEASE_MS,
  FOLLOW_POLL_MS,
  FOLLOWED_AT_ONCE,
} from "./limits.ts";
import type { TicketTables } from "./tables.ts";

interface Options {
  readonly db: Kysely<TicketTables>;
  readonly follower: TicketFollower;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Taken {
  readonly booking_id: string;
  readonly attempts: number;
  /** When others may take it: the mark of this taking. */
  readonly due_at: Date;
}

/** Brings bookings' tickets up to date that events have told of, in any number of processes; one that fails is tried until it goes well. */
export class FollowQueue {
  readonly #options: Options;
  readonly #poller: Poller;

  constructor(options: Options) {
    this.#options = options;
    const { clock, log } = options;
    const work = (): Promise<boolean> => this.#followSome();
    this.#poller = new Poller({
      clock,
      log,
      what: "looking for bookings without tickets",
      everyMs: FOLLOW_POLL_MS,
      work,
    });
  }

  start(): void {
    this.#poller.start();
  }

  nudge(): void {
    this.#poller.nudge();
  }

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  async #followSome(): Promise<boolean> {
    const taken = await this.#take();
    await Promise.all(taken.map((one) => this.#follow(one)));
    return taken.length === FOLLOWED_AT_ONCE;
  }

  async #take(): Promise<Taken[]> {
    const now = this.#options.clock.now();
    const { rows } = await sql<Taken>`
      update tickets.booking set due_at = ${new Date(now + FOLLOW_LEASE_MS)}, attempts = attempts + 1
      where booking_id in (
        select booking_id from tickets.booking where due_at <= ${new Date(now)}
        order by due_at limit ${FOLLOWED_AT_ONCE} for update skip locked)
      returning booking_id, attempts, due_at`.execute(this.#options.db);
    return rows;
  }

  async #follow({ booking_id, attempts, due_at }: Taken): Promise<void> {
    const { db, follower, clock, log } = this.#options;
    try {
      await follower.follow(booking_id);
    } catch (err) {
      const waitMs = doubledMs(FOLLOW_BACK_OFF_FIRST_MS, attempts - 1, FOLLOW_BACK_OFF_MAX_MS);
      log.warn({ err, booking: booking_id, attempts }, "a booking's tickets could not be brought up to date yet");
      await db
        .updateTable("booking")
        .set({ due_at: new Date(clock.now() + waitMs) })
        .where("booking_id", "=", booking_id)
        .where("due_at", "=", due_at) // Unless an event has come meanwhile: then it is due at once.
        .execute();
    }
  }
}
