import type { ColumnType, Generated } from "kysely";
import type { Fixed } from "../../platform/postgres/index.ts";
import type { Role } from "../../proto/index.ts";
import type { Language } from "../../proto/rest/index.ts";

export const IDENTITY_SCHEMA = "identity";

export interface IdentityTables {
  user: {
    id: Fixed<string>;
    role: Role;
    /** As it was given. */
    email: string | null;
    /** As it is compared. */
    email_key: string | null;
    name: string | null;
    language: Generated<Language>;
    created_at: Fixed<Date>;
    /** From then on a husk, without anything personal, for the books that name its id. */
    deleted_at: ColumnType<Date | null, never, Date>;
    /** A guest of whom bookings has said that there are some, so that they are kept for the books. */
    has_booked: Generated<boolean>;
  };
  password: {
    user_id: Fixed<string>;
    /** PHC string of argon2id. */
    hash: string;
  };
  device: {
    /** The device's user. */
    user_id: Fixed<string>;
    /** SHA-256: the secret is random and long, so there is nothing to guess. Null once the device was removed. */
    secret_hash: Buffer | null;
    /** When it last signed in. */
    seen_at: ColumnType<Date | null, never, Date>;
  };
  /** One sign-in: all tokens that descend from it. Its refresh tokens are numbered, and only the last is good. */
  family: {
    id: Fixed<string>;
    user_id: Fixed<string>;
    generation: Generated<number>;
    /** Hash of the Idempotency-Key that the last refresh came with. */
    rotated_with: Buffer | null;
    rotated_at: Date;
    expires_at: Date;
    revoked_at: Date | null;
    /** By when its last access token has run out. */
    tokens_until: Date;
    /** Hash of the network it was opened from. */
    network: Fixed<Buffer | null>;
  };
  /** Families whose access tokens are refused although they have not run out. */
  revocation: { family: Fixed<string>; until: Fixed<Date> };
  wrong_password: {
    /** Hash of the account, the address, or both. */
    key: Fixed<Buffer>;
    /** Those that cost a wait; 0 or less while there are free ones left. */
    beyond_free: number;
    wait_until: Date;
    last_at: Date;
  };
}
