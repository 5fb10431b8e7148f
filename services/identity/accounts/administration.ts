import { type Kysely, sql } from "kysely";
import type { Revocation } from "../../../proto/services/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Outbox } from "../../../platform/events/index.ts";
import type { PersonRole } from "../../../proto/rest/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import type { Families } from "../sign-ins/families.ts";
import type { IdentityTables } from "../tables.ts";
import { isDevice, type UserRow } from "./user.ts";

export interface AdministrationOptions {
  readonly db: Kysely<IdentityTables>;
  readonly families: Families;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/** Number of a PostgreSQL advisory lock: any that nothing else here uses. */
const ADMINISTRATORS_LOCK = 7_403_881;

/** Whoever makes the first administrator, or may take the last, takes turns, across processes, until the transaction's end. */
export const lockAdministrators = (transaction: Kysely<IdentityTables>): Promise<unknown> =>
  sql`select pg_advisory_xact_lock(${ADMINISTRATORS_LOCK})`.execute(transaction);

/** What takes rights away: those whom it concerns are signed out everywhere, and one administrator always stays. */
export class Administration {
  readonly #options: AdministrationOptions;

  constructor(options: AdministrationOptions) {
    this.#options = options;
  }

  /** @throws Problem NOT_FOUND | CONFLICT when it is oneself, somebody without a password, or the last administrator */
  async changeRole(userId: string, role: PersonRole, { by }: { by: string }): Promise<UserRow> {
    if (userId === by) throw new Problem("CONFLICT", "Nobody changes their own role: ask another administrator.");
    return this.#alone(userId, async (transaction, user) => {
      if (user.email_key === null) throw new Problem("CONFLICT", "Guests and devices keep their role.");
      if (user.role === role) return { result: user, revoked: [] };
      await refuseLastAdmin(transaction, user);
      await transaction.updateTable("user").set({ role }).where("id", "=", userId).execute();
      return { result: { ...user, role }, revoked: await this.#options.families.revokeAll(userId, transaction) };
    });
  }

  /**
   * Deletes all that is personal, and signs in nobody any more. The row stays as a husk, since the books name its id: a device's with its
   * name, for takings are reckoned by the till.
   * @throws Problem NOT_FOUND | CONFLICT when it is the last administrator
   */
  async remove(userId: string, { onlyDevice = false } = {}): Promise<void> {
    const { families, outbox, clock } = this.#options;
    await this.#alone(userId, async (transaction, user) => {
      if (onlyDevice && !isDevice(user)) throw notFound();
      await refuseLastAdmin(transaction, user);
      const husk = {
        email: null,
        email_key: null,
        name: isDevice(user) ? user.name : null,
        language: "en",
        deleted_at: new Date(clock.now()),
      } as const;
      await transaction.updateTable("user").set(husk).where("id", "=", userId).execute();
      // Here as elsewhere: first the user's row, then password or device, then the families, so that nobody waits in a circle.
      await transaction.deleteFrom("password").where("user_id", "=", userId).execute();
      await transaction.updateTable("device").set({ secret_hash: null }).where("user_id", "=", userId).execute();
      const revoked = await families.revokeAll(userId, transaction);
      await transaction.deleteFrom("family").where("user_id", "=", userId).execute();
      await outbox.add(transaction, "user.deleted", userId, { userId });
      return { result: undefined, revoked };
    });
    outbox.nudge();
  }

  async #alone<T>(
    userId: string,
    work: (transaction: Kysely<IdentityTables>, user: UserRow) => Promise<{ result: T; revoked: Revocation[] }>,
  ): Promise<T> {
    const { db, families } = this.#options;
    const { result, revoked } = await db.transaction().execute(async (transaction) => {
      const user = await transaction
        .selectFrom("user")
        .selectAll()
        .where("id", "=", userId)
        .where("deleted_at", "is", null)
        .forUpdate()
        .executeTakeFirst();
      if (user === undefined) throw notFound();
      return work(transaction, user);
    });
    families.announce(revoked);
    return result;
  }
}

/**
 * Only administrators wait for their turn, so that nobody else's deletion stands in line. Whoever becomes one meanwhile only adds to them.
 * @param user whose row this transaction has locked: no role changes between here and the commit
 */
async function refuseLastAdmin(transaction: Kysely<IdentityTables>, user: UserRow): Promise<void> {
  if (user.role !== "admin") return;
  await lockAdministrators(transaction);
  const other = await transaction
    .selectFrom("user")
    .select("id")
    .where("role", "=", "admin")
    .where("deleted_at", "is", null)
    .where("id", "<>", user.id)
    .limit(1)
    .executeTakeFirst();
  if (other === undefined) throw new Problem("CONFLICT", "This is the last administrator: make another one first.");
}

const notFound = () => new Problem("NOT_FOUND", "There is no such user.");
