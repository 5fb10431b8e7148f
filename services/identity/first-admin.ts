import { type Kysely, sql } from "kysely";
import type { Config } from "../../platform/config/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import type { Accounts } from "./accounts.ts";
import type { IdentityTables } from "./tables.ts";

export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  /** Made up here: to be shown once to whoever started the program. */
  readonly generated: boolean;
}

const DEFAULT_EMAIL = "admin@usher.local";
/** Of PostgreSQL's advisory locks: any number that nothing else here uses. */
const FIRST_ADMIN_LOCK = 7_403_881;

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
    await sql`select pg_advisory_xact_lock(${FIRST_ADMIN_LOCK})`.execute(step);
    if (await accounts.hasAdmin()) return undefined;
    const email = config.adminEmail ?? DEFAULT_EMAIL;
    const password = config.adminPassword ?? random(12).toString("base64url");
    await accounts.register({ email, password, name: "Administrator", role: "admin" }, async () => undefined);
    return { email, password, generated: config.adminPassword === undefined };
  });
}
