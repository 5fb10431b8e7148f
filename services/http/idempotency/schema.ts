import { type Kysely, type Migration, sql } from "kysely";

export const HTTP_SCHEMA = "http";

export interface HttpTables {
  idempotency_key: {
    user_id: string;
    key: string;
    /** Of method, address and body: the same key must come with the same. */
    fingerprint: Buffer;
    /** Names the run that may store an answer; a taken-over run finds another name here. */
    run: string;
    lease_until: Date;
    created_at: Date;
    /** Null while the first request runs. */
    status: number | null;
    content_type: string | null;
    body: string | null;
  };
}

export const httpMigrations: Readonly<Record<string, Migration>> = {
  "001-idempotency": {
    // Kysely hands migrations an untyped database: they outlive today's types.
    async up(db: Kysely<unknown>) {
      await sql`
        create table http.idempotency_key (
          user_id text not null,
          key text not null,
          fingerprint bytea not null,
          run text not null,
          lease_until timestamptz not null,
          created_at timestamptz not null,
          status integer,
          content_type text,
          body text,
          primary key (user_id, key)
        )`.execute(db);
      await sql`create index on http.idempotency_key (created_at)`.execute(db);
    },
  },
};
