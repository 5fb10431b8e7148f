import { createHash, timingSafeEqual } from "node:crypto";
import type { Kysely } from "kysely";
import type { RandomBytes } from "../../platform/random/index.ts";
import type { DeviceRole, User } from "../../proto/rest/index.ts";
import { Problem } from "../http/index.ts";
import type { Accounts } from "./accounts.ts";
import type { IdentityTables } from "./tables.ts";

export interface DeviceOptions {
  readonly db: Kysely<IdentityTables>;
  readonly accounts: Accounts;
  readonly random: RandomBytes;
}

/** Kiosks, box offices and gates: users that sign in with a secret made here. */
export class Devices {
  readonly #options: DeviceOptions;

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  /** @returns the secret too, which is nowhere else from then on */
  create(role: DeviceRole, name: string | undefined): Promise<{ deviceId: string; secret: string }> {
    const { db, accounts, random } = this.#options;
    const secret = random(32).toString("base64url");
    return db.transaction().execute(async (step) => {
      const { id } = await accounts.create(role, name ?? null, step);
      await step
        .insertInto("device")
        .values({ user_id: id, secret_hash: secretHash(secret) })
        .execute();
      return { deviceId: id, secret };
    });
  }

  /** @throws Problem UNAUTHORIZED */
  async signIn(deviceId: string, secret: string): Promise<User> {
    const { db, accounts } = this.#options;
    const row = await db.selectFrom("device").select("secret_hash").where("user_id", "=", deviceId).executeTakeFirst();
    const user =
      row && timingSafeEqual(row.secret_hash, secretHash(secret)) ? await accounts.find(deviceId) : undefined;
    if (user === undefined) throw new Problem("UNAUTHORIZED", "The device or its secret is not known.");
    return user;
  }
}

const secretHash = (secret: string): Buffer => createHash("sha256").update(secret).digest();
