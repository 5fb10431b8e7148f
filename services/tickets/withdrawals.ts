import type { Kysely } from "kysely";
import type { Clock } from "../../platform/clock/index.ts";
import { WITHDRAWN_FOR_MS } from "../../proto/services/index.ts";
import { lockBooking, type TicketFollower } from "./follower.ts";
import type { TicketTables } from "./tables.ts";

export interface Withdrawal {
  readonly bookingId: string;
  readonly seats: readonly number[];
  readonly despiteUsed?: boolean;
}

interface Options {
  /** Within the schema `tickets`. */
  readonly db: Kysely<TicketTables>;
  readonly follower: TicketFollower;
  readonly clock: Clock;
}

/**
 * A seat is given back only when nobody sits on it. So its ticket is withdrawn first, in the row that the gate writes: of the two,
 * one comes first, and the other finds it so. A withdrawn ticket is void once its booking has lost the seat, or good again after a
 * while; both are found out by asking the booking, see `TicketFollower`. Before it is good again the booking is fenced, so that a cancellation
 * that was slower still has to withdraw it once more.
 */
export class Withdrawals {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** All of them or none; with `despiteUsed` all that let nobody in yet. @returns the seats that people were let in to */
  async withdraw(wish: Withdrawal): Promise<{ used: number[] }> {
    const used = await this.#withdraw(wish, { all: true });
    if (used !== undefined) return { used };
    await this.#options.follower.follow(wish.bookingId); // Those that are not issued yet would be good as soon as they are.
    return { used: (await this.#withdraw(wish, { all: false })) ?? [] };
  }

  /** @returns undefined when `all` must have tickets, and some have not */
  async #withdraw(
    { bookingId, seats, despiteUsed = false }: Withdrawal,
    { all }: { all: boolean },
  ): Promise<number[] | undefined> {
    const { db, clock } = this.#options;
    return db.transaction().execute(async (transaction) => {
      await lockBooking(transaction, bookingId);
      const tickets = await transaction
        .selectFrom("ticket")
        .select(["id", "seat", "checked_in_at"])
        .where("booking_id", "=", bookingId)
        .where("voided_at", "is", null)
        .where("seat", "in", [...seats])
        .forUpdate()
        .execute();
      if (all && tickets.length < seats.length) return undefined;
      const used = tickets.filter(({ checked_in_at }) => checked_in_at !== null).map(({ seat }) => seat);
      const ids = tickets.flatMap(({ id, checked_in_at }) => (checked_in_at === null ? [id] : []));
      if (ids.length === 0 || (used.length > 0 && !despiteUsed)) return used;
      const now = clock.now();
      await transaction
        .updateTable("ticket")
        .set({ withdrawn_at: new Date(now) })
        .where("id", "in", ids)
        .execute();
      await transaction
        .updateTable("booking")
        .set((row) => ({
          changes: row("changes", "+", 1),
          due_at: row.fn.coalesce("due_at", row.val(new Date(now + WITHDRAWN_FOR_MS))), // If sooner, then once more.
        }))
        .where("booking_id", "=", bookingId)
        .execute();
      return used;
    });
  }
}
