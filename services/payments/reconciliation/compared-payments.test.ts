import { expect, it } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import { rowsRead, watchedDatabase } from "../../../platform/postgres/testing.ts";
import { ComparedPayments } from "./compared-payments.ts";
import { PAYMENTS_SCHEMA, type PaymentsTables } from "../tables.ts";
import { testShop } from "../testing/shop.ts";

const DAY_MS = 24 * 60 * 60_000;

it("finds refunds that may still be sent back without a look at all that ever were", async () => {
  const { pool, close } = await testShop({ webhooks: false });
  try {
    const { db, asked } = watchedDatabase<PaymentsTables>(pool);
    await pool.query(
      `with paid as (
        insert into payments.payment (id, booking_id, user_id, method, amount, currency, description, pay_by, state, created_at)
        select 'pay_' || n, 'bk_' || n, 'u', case when n % 2 = 0 then 'stripe' else 'terminal' end, 100, 'EUR', '', now(),
          'captured', now() - case when n <= 10 then interval '20 days' else interval '400 days' end
        from generate_series(1, 20000) as n returning id, created_at)
      insert into payments.refund (id, payment_id, amount, reason, state, created_at)
      select 'rf_' || id, id, 100, '', 'done', created_at from paid`,
    );
    await pool.query("analyze payments.payment, payments.refund");
    const compared = new ComparedPayments({ db: db.withSchema(PAYMENTS_SCHEMA), clock: systemClock });
    const found = await compared.refundedLately("stripe", new Date(systemClock.now() - 7 * DAY_MS));
    expect(found.map(({ id }) => id).sort((a, b) => a.localeCompare(b))).toEqual([
      "pay_10",
      "pay_2",
      "pay_4",
      "pay_6",
      "pay_8",
    ]);
    expect(asked).toHaveLength(1);
    for (const query of asked) expect(await rowsRead(pool, "refund", query)).toBeLessThan(50);
  } finally {
    await close();
  }
});
