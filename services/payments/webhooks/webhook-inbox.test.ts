import { describe, expect, it } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { INBOX_KEPT_MS, INBOX_PRUNE_ROWS_MAX } from "../limits.ts";
import { PAYMENTS_SCHEMA, type PaymentsTables } from "../tables.ts";
import { testShop } from "../testing/shop.ts";
import { WebhookInbox } from "./webhook-inbox.ts";

describe("the inbox", () => {
  it("forgets what no gateway repeats any more, so many webhooks at a time", async () => {
    const shop = await testShop();
    const db = createDatabase<PaymentsTables>(shop.pool).withSchema(PAYMENTS_SCHEMA);
    const inbox = new WebhookInbox({ db, clock: systemClock });
    await shop.pool.query(
      `insert into payments.webhook select 'mock', 'old' || n, $1::timestamptz from generate_series(1, $2::int) as n
       union all select 'mock', 'young', $3::timestamptz`,
      [new Date(systemClock.now() - INBOX_KEPT_MS - 1), INBOX_PRUNE_ROWS_MAX + 1, new Date(systemClock.now())],
    );
    const left = async () => (await shop.pool.query("select id from payments.webhook")).rows;
    expect(await inbox.prune()).toBe(true);
    expect(await left()).toHaveLength(2);
    expect(await inbox.prune()).toBe(false);
    expect(await left()).toEqual([{ id: "young" }]);
    await shop.close();
  });
});
