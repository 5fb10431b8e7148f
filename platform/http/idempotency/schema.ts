import { type JSONColumnType, type Kysely, type Migration, sql } from "kysely";

export const HTTP_SCHEMA = "http";

export type AnswerHeaders = Readonly<Record<string, string>>;

export interface HttpTables {
  idempotency_key: {
    user_id: string;
    key: string;
    /** Hash of method, address and body: the same key must come with the same. */
    fingerprint: Buffer;
    /** Names the run that may store an answer; a taken-over run finds another name here. */
    run: string;
    /** The process of the run, by its lock's name; null in rows from before there were such. */
    process: string | null;
    lease_until: Date;
    created_at: Date;
    /** Null while the first request runs. */
    status: number | null;
    content_type: string | null;
    /** Others that clients rely on, by their names; null in rows from before they were kept. */
    headers: JSONColumnType<AnswerHeaders> | null;
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
  "002-process-and-headers": {
    async up(db: Kysely<unknown>) {
      await sql`alter table http.idempotency_key add column process text, add column headers jsonb`.execute(db);
    },
  },
};
