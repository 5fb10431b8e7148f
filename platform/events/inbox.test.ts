import type { Kysely } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDatabase } from "../postgres/index.ts";
import { Inbox } from "./inbox.ts";
import { testEvents, type TestEvents } from "./testing.ts";

let t: TestEvents;
let db: Kysely<unknown>;

beforeEach(async () => {
  t = await testEvents();
  db = createDatabase<unknown>(t.pool);
});
afterEach(() => t.close());

describe("inbox", () => {
  it("takes an event once for each consumer, and again when the first time was rolled back", async () => {
    const inbox = new Inbox({ schema: "shop" });
    const take = (consumer: string, fails = false) =>
      db.transaction().execute(async (transaction) => {
        const first = await inbox.take(transaction, consumer, "evt_1");
        if (fails) throw new Error("on purpose");
        return first;
      });
    await expect(take("tickets", true)).rejects.toThrow("on purpose");
    const answers = await Promise.all([take("tickets"), take("tickets"), take("tickets"), take("mail")]);
    expect(answers.filter(Boolean)).toHaveLength(2);
    expect(answers[3]).toBe(true);
  });

  it("forgets what is too old to come again", async () => {
    await t.pool.query(
      "insert into shop.inbox select 'tickets', 'old' || n, now() - interval '31 days' from generate_series(1, 3) n",
    );
    const inbox = new Inbox({ schema: "shop" });
    for (let number = 0; number < 2; number++) await inbox.take(db, "tickets", `new${number}`);
    const { rows } = await t.pool.query<{ event_id: string }>("select event_id from shop.inbox order by event_id");
    expect(rows.map((row) => row.event_id)).toEqual(["new0", "new1"]);
  });
});
