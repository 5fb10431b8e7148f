import { type Kysely, type Migration, sql } from "kysely";

/** What may still be sent back is found by its age: by `looked_at` whatever is never looked at came first, and that is most of all refunds. */
export const lateRefunds: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create index refund_lately on payments.refund (created_at, looked_at) where state = 'done'`.execute(db);
    await sql`drop index payments.refund_done`.execute(db);
  },
};
