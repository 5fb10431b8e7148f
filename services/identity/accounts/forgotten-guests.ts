import { type Kysely, sql } from "kysely";
import type { Bus } from "../../../platform/bus/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Config } from "../../../platform/config/index.ts";
import { BOOKERS } from "../../../proto/services/index.ts";
import { GUESTS_ASKED_MAX, GUESTS_ASKED_WITHIN_MS, GUESTS_KEPT_MS } from "../limits.ts";
import type { IdentityTables } from "../tables.ts";

interface Options {
  readonly db: Kysely<IdentityTables>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly config: Pick<Config, "guestTokenTtlMs">;
}

/**
 * Guests whose tokens have ended, husks among them: none of theirs is good any more, and none ever will be. Whoever asks, and be it a machine,
 * becomes a guest, so that those who booked nothing are not kept for as long as the sign-ins of others.
 */
export class ForgottenGuests {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Deletes some of those who booked nothing, with their sign-ins. Of who did book that is noted, and nobody asks after them again.
   * @returns whether there may be more to look at. @throws while bookings cannot be asked
   */
  async prune(): Promise<boolean> {
    const { db, bus, clock, config } = this.#options;
    // Whoever came later may still have a good token, or one that must be refused since its account was deleted: those are not even read.
    const before = new Date(clock.now() - config.guestTokenTtlMs - GUESTS_KEPT_MS);
    const now = new Date(clock.now());
    const rows = await db
      .selectFrom("user")
      .select("id")
      .where("role", "=", "guest")
      .where((is) => is.not("has_booked"))
      .where("created_at", "<", before)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("family")
              .select("family.id")
              .whereRef("family.user_id", "=", "user.id")
              .where("family.tokens_until", ">", now),
          ),
        ),
      )
      .orderBy("created_at")
      .orderBy("id")
      .limit(GUESTS_ASKED_MAX)
      .execute();
    if (rows.length === 0) return false;
    const userIds = rows.map(({ id }) => id);
    const { booked } = await bus.request(BOOKERS, { userIds }, { timeoutMs: GUESTS_ASKED_WITHIN_MS });
    const idle = userIds.filter((id) => !booked.includes(id));
    const among = (ids: readonly string[]) => sql<boolean>`id = any(${ids})`; // One text for any number of them: each text is prepared.
    if (booked.length > 0) await db.updateTable("user").set({ has_booked: true }).where(among(booked)).execute();
    if (idle.length > 0) await db.deleteFrom("user").where(among(idle)).where("role", "=", "guest").execute();
    return rows.length === GUESTS_ASKED_MAX;
  }
}
