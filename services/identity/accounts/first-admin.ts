import type { Kysely } from "kysely";
import type { Config } from "../../../platform/config/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import type { IdentityTables } from "../tables.ts";
import type { Accounts } from "./accounts.ts";
import { lockAdministrators } from "./administration.ts";

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  /** Made up here: to be shown once to whoever started the program. */
  readonly generated: boolean;
}

const DEFAULT_EMAIL = "admin@usher.local";

/** Makes the first administrator. @returns undefined when there is one already */
export async function ensureAdmin(options: {
  readonly db: Kysely<IdentityTables>;
  readonly accounts: Accounts;
  readonly config: Pick<Config, "adminEmail" | "adminPassword">;
  readonly random: RandomBytes;
}): Promise<FirstAdmin | undefined> {
  const { db, accounts, config, random } = options;
  return db.transaction().execute(async (step) => {
    // Two processes that start at once on an empty database make one administrator.
    await lockAdministrators(step);
    if (await hasAdmin(step)) return undefined;
    const email = config.adminEmail ?? DEFAULT_EMAIL;
    const password = config.adminPassword ?? random(12).toString("base64url");
    await accounts.register({ email, password, name: "Administrator" }, "admin", null);
    return { email, password, generated: config.adminPassword === undefined };
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
