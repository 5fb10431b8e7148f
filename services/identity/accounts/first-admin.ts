import type { Kysely } from "kysely";
import { FIRST_ADMIN_EMAIL, type Config } from "../../../platform/config/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import type { IdentityTables } from "../tables.ts";
import type { Accounts } from "./accounts.ts";
import { lockAdministrators } from "./administration.ts";

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  /** Made up here: nobody else knows it. */
  readonly generated: boolean;
}

/**
 * Makes the first administrator, where there is none.
 * @param options.announce told of the sign-in before it is there, so that no crash leaves one that nobody knows. Should the administrator not
 * come to be, the next start announces another.
 */
export async function ensureAdmin(options: {
  readonly db: Kysely<IdentityTables>;
  readonly accounts: Accounts;
  readonly config: Pick<Config, "adminEmail" | "adminPassword">;
  readonly random: RandomBytes;
  readonly announce: (admin: FirstAdmin) => void;
}): Promise<void> {
  const { db, accounts, config, random, announce } = options;
  await db.transaction().execute(async (step) => {
    // Two processes that start at once on an empty database make one administrator.
    await lockAdministrators(step);
    if (await hasAdmin(step)) return;
    const email = config.adminEmail ?? FIRST_ADMIN_EMAIL;
    const password = config.adminPassword ?? random(12).toString("base64url");
    announce({ email, password, generated: config.adminPassword === undefined });
    await accounts.register({ email, password, name: "Administrator" }, "admin", null);
  });
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
