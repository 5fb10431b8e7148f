import { type Kysely, type Migration, sql } from "kysely";

/** Refunds that were done are looked at for some weeks, since a bank may send one back. */
export const oldRefunds: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table payments.refund add looked_at timestamptz`.execute(db);
    await sql`create index refund_done on payments.refund (looked_at nulls first) where state = 'done'`.execute(db);
    await sql`create index refund_open on payments.refund (created_at) where state = 'open'`.execute(db);
  },
};
