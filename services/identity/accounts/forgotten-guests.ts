import type { Kysely } from "kysely";
import type { Bus } from "../../../platform/bus/index.ts";
import { BOOKERS } from "../../../proto/services/index.ts";
import { GUESTS_ASKED_MAX, GUESTS_ASKED_WITHIN_MS } from "../limits.ts";
import type { IdentityTables } from "../tables.ts";

interface Options {
  readonly db: Kysely<IdentityTables>;
  readonly bus: Bus;
}

/** Guests whose sign-ins have been deleted: no token of theirs is good any more, and none ever will be. */
export class ForgottenGuests {
  readonly #options: Options;
  /** Those up to this id were looked at. */
  #seen = "";

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Deletes some of those who booked nothing, and goes on behind them the next time.
   * @returns whether to go on at once: there were some, and are more to look at. @throws while bookings cannot be asked
   */
  async prune(): Promise<boolean> {
    const { db, bus } = this.#options;
    const rows = await db
      .selectFrom("user")
      .select("id")
      .where("role", "=", "guest")
      .where("deleted_at", "is", null)
      .where("id", ">", this.#seen)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom("family").select("family.id").whereRef("family.user_id", "=", "user.id"))),
      )
      .orderBy("id")
      .limit(GUESTS_ASKED_MAX)
      .execute();
    const userIds = rows.map(({ id }) => id);
    let deleted = 0;
    if (userIds.length > 0) {
      const { booked } = await bus.request(BOOKERS, { userIds }, { timeoutMs: GUESTS_ASKED_WITHIN_MS });
      const idle = userIds.filter((id) => !booked.includes(id));
      deleted = idle.length;
      if (deleted > 0) await db.deleteFrom("user").where("id", "in", idle).where("role", "=", "guest").execute();
    }
    this.#seen = (userIds.length === GUESTS_ASKED_MAX && userIds.at(-1)) || "";
    return deleted > 0 && this.#seen !== "";
  }
}
