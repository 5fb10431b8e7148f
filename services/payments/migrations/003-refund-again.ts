import { type Kysely, type Migration, sql } from "kysely";

export const refundAgain: Migration = {
  // Kysely hands migrations an untyped database: they outlive today's types.
  async up(db: Kysely<unknown>) {
    await sql`alter table payments.refund add again_at timestamptz`.execute(db);
  },
};
