import type { Kysely } from "kysely";
import type { Role } from "../../../proto/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import { constraintOf } from "../../../platform/postgres/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import type { Language, Page, User, UserQuery } from "../../../proto/rest/index.ts";
import { pageByTime, Problem } from "../../../platform/http/index.ts";
import { Semaphore } from "../../../platform/turns/index.ts";
import { REGISTRATIONS_AT_ONCE, REGISTRATIONS_WAITING_MAX } from "../limits.ts";
import type { Families } from "../sign-ins/families.ts";
import type { Passwords } from "../sign-ins/passwords.ts";
import type { IdentityTables } from "../tables.ts";
import { emailKey } from "../../../platform/email-address/index.ts";
import { userOf, type UserRow } from "./user.ts";

export interface AccountOptions {
  readonly db: Kysely<IdentityTables>;
  readonly passwords: Passwords;
  readonly families: Families;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
  readonly language?: Language;
}

export interface Opened {
  readonly user: UserRow;
  readonly family: string;
}

/** Users: how they come to be, and what they say of themselves. */
export class Accounts {
  readonly #options: AccountOptions;
  readonly #registrations = new Semaphore({ atOnce: REGISTRATIONS_AT_ONCE, waitingMax: REGISTRATIONS_WAITING_MAX });

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /**
   * Opens an account and signs in to it.
   * @param network hash of where the client is
   * @throws TooManyWaiting, Problem BAD_MESSAGE | CONFLICT
   */
  async register(account: NewAccount, role: Role, network: Buffer | null): Promise<Opened> {
    return this.#withPassword(account, network, async (transaction, key) => {
      const row = { ...this.newRow(role), ...said(account), email: account.email.trim(), email_key: key };
      return transaction.insertInto("user").values(row).returningAll().executeTakeFirstOrThrow();
    });
  }

  /**
   * A guest becomes a customer: the same user, so that what the guest has booked stays theirs.
   * @throws TooManyWaiting, Problem BAD_MESSAGE | CONFLICT | UNAUTHORIZED
   */
  async upgrade(guestId: string, account: NewAccount, network: Buffer | null): Promise<Opened> {
    // Before the address is looked for: a token that opens no account any more would tell, as often as it likes, whose there are.
    const guest = await this.find(guestId);
    if (guest?.role !== "guest") throw noGuest(guest);
    return this.#withPassword(account, network, async (transaction, key) => {
      const user = await transaction
        .updateTable("user")
        .set({ role: "customer", ...said(account), email: account.email.trim(), email_key: key })
        .where("id", "=", guestId)
        .where("role", "=", "guest")
        .where("deleted_at", "is", null)
        .returningAll()
        .executeTakeFirst();
      if (user === undefined) throw noGuest(await this.find(guestId, transaction));
      return user;
    });
  }

  /** Somebody without a name, who gets a token for a while. */
  async openGuest(): Promise<Opened> {
    const { db, families } = this.#options;
    const row = this.newRow("guest");
    const family = families.brief("guest");
    const user = await db
      .with("guest", (query) => query.insertInto("user").values(row).returningAll())
      .with("opened", (query) => query.insertInto("family").values({ ...family, user_id: row.id }))
      .selectFrom("guest")
      .selectAll()
      .executeTakeFirstOrThrow();
    return { user, family: family.id };
  }

  /** Not one whose account was deleted. */
  async find(id: string, db = this.#options.db): Promise<UserRow | undefined> {
    return db.selectFrom("user").selectAll().where("id", "=", id).where("deleted_at", "is", null).executeTakeFirst();
  }

  /** A device also once it was removed: the books name it. */
  async findForBooks(id: string): Promise<UserRow | undefined> {
    return this.#options.db
      .selectFrom("user")
      .selectAll()
      .where("id", "=", id)
      .where(({ or, eb, exists, selectFrom }) =>
        or([
          eb("deleted_at", "is", null),
          exists(selectFrom("device").select("user_id").whereRef("device.user_id", "=", "user.id")),
        ]),
      )
      .executeTakeFirst();
  }

  /** The oldest first. */
  async list({ email, role, ...page }: UserQuery): Promise<Page<User>> {
    let query = this.#options.db.selectFrom("user").selectAll().where("deleted_at", "is", null);
    if (email !== undefined) query = query.where("email_key", "=", emailKey(email));
    if (role !== undefined) query = query.where("role", "=", role);
    return pageByTime(query, page, "asc", userOf);
  }

  /** @throws Problem UNAUTHORIZED | CONFLICT */
  async change(id: string, said: { name?: string | null; language?: Language; email?: string }): Promise<UserRow> {
    const { email, ...rest } = said;
    const changes = { ...rest, ...(email === undefined ? {} : { email: email.trim(), email_key: emailKey(email) }) };
    if (Object.keys(changes).length === 0) return this.#present(await this.find(id));
    const change = this.#options.db
      .updateTable("user")
      .set(changes)
      .where("id", "=", id)
      .where("deleted_at", "is", null)
      .returningAll()
      .executeTakeFirst();
    return this.#present(await refusingTaken(change));
  }

  /**
   * @param known hash of the password that was given as the current one
   * @throws TooManyWaiting, Problem BAD_MESSAGE | FORBIDDEN
   */
  async changePassword(user: UserRow, known: string, password: string, { keep }: { keep: string }): Promise<void> {
    const { db, passwords, families } = this.#options;
    refuseWeakPassword(password, user.email_key, "body.new");
    const hash = await passwords.hash(password);
    const revoked = await db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable("password")
        .set({ hash })
        .where("user_id", "=", user.id)
        .where("hash", "=", known)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) throw new Problem("FORBIDDEN", "The password has just been changed elsewhere.");
      return families.revokeAll(user.id, transaction, { keep });
    });
    families.announce(revoked);
  }

  newRow(role: Role): Pick<UserRow, "id" | "role" | "created_at"> {
    const { clock, random } = this.#options;
    return { id: newId("usr", random), role, created_at: new Date(clock.now()) };
  }

  /** Writes the user, the password and the first family in one transaction. */
  async #withPassword(
    { email, password }: NewAccount,
    network: Buffer | null,
    write: (transaction: Kysely<IdentityTables>, key: string) => Promise<UserRow>,
  ): Promise<Opened> {
    const { db, passwords, families } = this.#options;
    const key = emailKey(email);
    refuseWeakPassword(password, key, "body.password");
    // Looked for before the costly hash, and once more by the unique key.
    const known = await db.selectFrom("user").select("id").where("email_key", "=", key).executeTakeFirst();
    if (known !== undefined) throw emailTaken();
    const hash = await this.#registrations.run(() => passwords.hash(password));
    const family = families.lasting();
    const written = db.transaction().execute(async (transaction) => {
      const user = await write(transaction, key);
      await transaction.insertInto("password").values({ user_id: user.id, hash }).execute();
      await transaction
        .insertInto("family")
        .values({ ...family, user_id: user.id, network })
        .execute();
      return { user, family: family.id };
    });
    return refusingTaken(written);
  }

  #present(user: UserRow | undefined): UserRow {
    if (user === undefined) throw accountGone();
    return user;
  }
}

/** @throws Problem BAD_MESSAGE */
function refuseWeakPassword(password: string, key: string | null, field: string): void {
  if (emailKey(password) !== key) return;
  throw new Problem("BAD_MESSAGE", `${field} must not be the e-mail address.`, { field });
}

const said = ({ name, language }: NewAccount) => ({
  ...(name === undefined ? {} : { name }),
  ...(language === undefined ? {} : { language }),
});

/** When two take one address at once, PostgreSQL refuses the second. */
async function refusingTaken<T>(written: Promise<T>): Promise<T> {
  try {
    return await written;
  } catch (error) {
    throw constraintOf(error) === "user_email_key_key" ? emailTaken() : error;
  }
}

const emailTaken = () => new Problem("CONFLICT", "There is an account with this e-mail address already: sign in.");

const accountGone = () => new Problem("UNAUTHORIZED", "The account is gone.");

/** Why somebody who was a guest when the token was signed is none now. */
const noGuest = (user: UserRow | undefined) =>
  user === undefined ? accountGone() : new Problem("CONFLICT", "This guest has become a customer already: sign in.");
