import type { Kysely, Selectable } from "kysely";
import { sql } from "kysely";
import type { Role } from "../../platform/auth/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import type { User } from "../../proto/rest/index.ts";
import { Problem } from "../http/index.ts";
import { emailKey } from "./email.ts";
import type { Passwords } from "./passwords.ts";
import type { IdentityTables } from "./tables.ts";

export interface AccountOptions {
  readonly db: Kysely<IdentityTables>;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
  readonly role: Role;
}

type UserRow = Selectable<IdentityTables["user"]>;

/** Users and their passwords. */
export class Accounts {
  readonly #options: AccountOptions;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /**
   * @param then done in the same transaction, for the new user
   * @throws Problem BAD_MESSAGE | CONFLICT | BUSY
   */
  async register<T>(account: NewAccount, then: (user: User, db: Kysely<IdentityTables>) => Promise<T>): Promise<T> {
    const { db, passwords } = this.#options;
    const key = emailKey(account.email);
    refuseWeakPassword(account.password, key);
    // Looked for before the costly hash, and once more by the unique key.
    const known = await db.selectFrom("user").select("id").where("email_key", "=", key).executeTakeFirst();
    if (known !== undefined) throw emailTaken();
    const hash = await passwords.hash(account.password);
    const row: UserRow = {
      ...this.#newRow(account.role),
      email: account.email.trim(),
      email_key: key,
      name: account.name ?? null,
    };
    return db.transaction().execute(async (step) => {
      const { numInsertedOrUpdatedRows } = await step
        .insertInto("user")
        .values(row)
        .onConflict((conflict) => conflict.column("email_key").doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows !== 1n) throw emailTaken();
      await step.insertInto("password").values({ user_id: row.id, hash }).execute();
      return then(userOf(row), step);
    });
  }

  /** @throws Problem UNAUTHORIZED | BUSY; the same, after the same time, whether the user or the password is unknown */
  async login(email: string, password: string): Promise<User> {
    const { db, passwords } = this.#options;
    const row = await db
      .selectFrom("user")
      .innerJoin("password", "password.user_id", "user.id")
      .selectAll("user")
      .select("password.hash")
      .where("email_key", "=", emailKey(email))
      .executeTakeFirst();
    const matches = await passwords.matches(row?.hash, password);
    if (row === undefined || !matches)
      throw new Problem("UNAUTHORIZED", "The e-mail address or the password is wrong.");
    return userOf(row);
  }

  /** Somebody without e-mail or password: a guest, or a device. */
  async create(role: Role, name: string | null = null, db: Kysely<IdentityTables> = this.#options.db): Promise<User> {
    const row: UserRow = { ...this.#newRow(role), name };
    await db.insertInto("user").values(row).execute();
    return userOf(row);
  }

  async find(id: string): Promise<User | undefined> {
    const row = await this.#options.db.selectFrom("user").selectAll().where("id", "=", id).executeTakeFirst();
    return row && userOf(row);
  }

  async hasAdmin(): Promise<boolean> {
    const { db } = this.#options;
    const row = await db
      .selectFrom("user")
      .select(sql`1`.as("one"))
      .where("role", "=", "admin")
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  #newRow(role: Role): UserRow {
    const { clock, random } = this.#options;
    const id = `usr_${random(16).toString("base64url")}`;
    return { id, role, email: null, email_key: null, name: null, created_at: new Date(clock.now()) };
  }
}

const userOf = ({ id, email, name, role, created_at }: UserRow): User => ({
  id,
  ...(email === null ? {} : { email }),
  ...(name === null ? {} : { name }),
  role,
  createdAt: created_at.toISOString(),
});

function refuseWeakPassword(password: string, key: string): void {
  if (emailKey(password) !== key) return;
  throw new Problem("BAD_MESSAGE", "body.password must not be the e-mail address.", { field: "body.password" });
}

const emailTaken = () => new Problem("CONFLICT", "There is an account with this e-mail address already: sign in.");
