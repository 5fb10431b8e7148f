import { type ColumnType, type Generated, type Kysely, type Migration, sql } from "kysely";
import type { Role } from "../../platform/auth/index.ts";

export const IDENTITY_SCHEMA = "identity";

/** Written once. */
type Fixed<T> = ColumnType<T, T, never>;

export interface IdentityTables {
  user: {
    id: Fixed<string>;
    role: Role;
    /** As it was given. */
    email: string | null;
    /** As it is compared. */
    email_key: string | null;
    name: string | null;
    created_at: Fixed<Date>;
  };
  password: {
    user_id: Fixed<string>;
    /** PHC string of argon2id. */
    hash: string;
  };
  device: {
    /** The device's user. */
    user_id: Fixed<string>;
    /** SHA-256: the secret is random and long, so there is nothing to guess. */
    secret_hash: Buffer;
  };
  /** All refresh tokens that descend from one sign-in: they are numbered, and only the last is good. */
  family: {
    id: Fixed<string>;
    user_id: Fixed<string>;
    generation: Generated<number>;
    /** Hash of the Idempotency-Key that the last refresh came with. */
    rotated_with: Buffer | null;
    rotated_at: Date;
    expires_at: Date;
    revoked_at: Date | null;
  };
  /** Families whose access tokens are refused although they have not run out. */
  revocation: {
    family: Fixed<string>;
    until: Date;
  };
}

export const identityMigrations: Readonly<Record<string, Migration>> = {
  "001-accounts": {
    // Kysely hands migrations an untyped database: they outlive today's types.
    async up(db: Kysely<unknown>) {
      await sql`
        create table identity."user" (
          id text primary key,
          role text not null,
          email text,
          email_key text unique,
          name text,
          created_at timestamptz not null
        )`.execute(db);
      await sql`
        create table identity.password (
          user_id text primary key references identity."user" on delete cascade,
          hash text not null
        )`.execute(db);
      await sql`
        create table identity.device (
          user_id text primary key references identity."user" on delete cascade,
          secret_hash bytea not null
        )`.execute(db);
      await sql`
        create table identity.family (
          id text primary key,
          user_id text not null references identity."user" on delete cascade,
          generation integer not null default 0,
          rotated_with bytea,
          rotated_at timestamptz not null,
          expires_at timestamptz not null,
          revoked_at timestamptz
        )`.execute(db);
      await sql`create index on identity.family (user_id)`.execute(db);
      await sql`create index on identity.family (expires_at)`.execute(db);
      await sql`create table identity.revocation (family text primary key, until timestamptz not null)`.execute(db);
      await sql`create index on identity.revocation (until)`.execute(db);
    },
  },
};
