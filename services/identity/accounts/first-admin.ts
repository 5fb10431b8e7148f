import type { Kysely } from "kysely";
import { FIRST_ADMIN_EMAIL, type Config } from "../../../platform/config/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import type { Passwords } from "../sign-ins/passwords.ts";
import type { IdentityTables } from "../tables.ts";
import type { Accounts } from "./accounts.ts";
import { lockAdministrators } from "./administration.ts";
import { emailKey } from "../../../platform/email-address/index.ts";

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  /** Made up here: nobody else knows it. */
  readonly generated: boolean;
}

/**
 * Makes the first administrator, where there is none. Where there is one and a password was configured that lets no administrator in, it says
 * so: whoever set it may have hoped that it does.
 * @param options.announce told of the sign-in before it is there, so that no crash leaves one that nobody knows. Should the administrator not
 * come to be, the next start announces another.
 */
export async function ensureAdmin(options: {
  readonly db: Kysely<IdentityTables>;
  readonly accounts: Accounts;
  readonly passwords: Passwords;
  readonly config: Pick<Config, "adminEmail" | "adminPassword">;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly announce: (admin: FirstAdmin) => void;
}): Promise<void> {
  const { db, accounts, passwords, config, random, log, announce } = options;
  const { adminEmail: email = FIRST_ADMIN_EMAIL, adminPassword } = config;
  const made = await db.transaction().execute(async (transaction) => {
    // Two processes that start at once on an empty database make one administrator.
    await lockAdministrators(transaction);
    if (await hasAdmin(transaction)) return false;
    const password = adminPassword ?? random(12).toString("base64url");
    announce({ email, password, generated: adminPassword === undefined });
    await accounts.register({ email, password, name: "Administrator" }, "admin", null);
    return true;
  });
  if (made || adminPassword === undefined) return;
  const hash = await hashOfAdmin(db, email);
  if (hash !== undefined && (await passwords.matches(hash, adminPassword))) return;
  log.info(
    "USHER_ADMIN_PASSWORD is not the password of USHER_ADMIN_EMAIL, and changes nothing: there is an admin already, and it makes only the first",
  );
}

async function hasAdmin(db: Kysely<IdentityTables>): Promise<boolean> {
  const row = await db
    .selectFrom("user")
    .select("id")
    .where("role", "=", "admin")
    .where("deleted_at", "is", null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function hashOfAdmin(db: Kysely<IdentityTables>, email: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("user")
    .innerJoin("password", "password.user_id", "user.id")
    .select("password.hash")
    .where("user.email_key", "=", emailKey(email))
    .where("user.role", "=", "admin")
    .executeTakeFirst();
  return row?.hash;
}
