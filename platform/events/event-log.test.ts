import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, VirtualClock } from "../clock/index.ts";
import { createMetrics } from "../metrics/index.ts";
import { METRICS_LOOK_MS } from "../metrics/limits.ts";
import { createDatabase, migrate } from "../postgres/index.ts";
import { systemRandom } from "../random/index.ts";
import { EventLog } from "./event-log.ts";
import { addEventMetrics } from "./metrics.ts";
import { outboxMigration } from "./migrations.ts";
import { Outbox } from "./outbox/outbox.ts";
import { silent, testEvents, type TestEvents } from "./testing.ts";

let t: TestEvents;
beforeAll(async () => {
  t = await testEvents();
  const db = createDatabase<unknown>(t.pool);
  await migrate(db, "accounts", { "001-outbox": outboxMigration("accounts") });
  const stream = t.newStream();
  for (const schema of ["shop", "accounts"]) {
    const outbox = new Outbox({
      pool: t.pool,
      schema,
      source: `/usher/${schema}`,
      stream,
      clock: systemClock,
      random: systemRandom,
      log: silent,
    });
    for (let number = 0; number < 3; number++) {
      await outbox.add(db, "user.deleted", `u${number}`, { userId: `${schema} \u0000 ${number}` });
    }
    await outbox.add(db, "showtime.changed", "s1", { showtimeId: "s1", movieId: "m1" });
  }
  await t.pool.query(
    "update shop.outbox set published_at = now(), created_at = created_at - interval '1 hour' where id <= 2",
  );
  await t.pool.query("update accounts.outbox set created_at = created_at - interval '30 seconds' where id = 1");
});
afterAll(() => t.close());

describe("event log", () => {
  it("reads the newest events of all outboxes, the oldest of them first", async () => {
    const log = new EventLog(t.pool);
    const all = await log.read({ limit: 100 });
    expect(all).toHaveLength(8);
    expect(all.map(({ createdAt }) => createdAt.getTime())).toEqual(
      all.map(({ createdAt }) => createdAt.getTime()).sort((a, b) => a - b),
    );
    expect(all.slice(0, 2).map(({ schema, publishedAt }) => [schema, publishedAt === null])).toEqual([
      ["shop", false],
      ["shop", false],
    ]);
    expect(await log.read({ limit: 3 })).toEqual(all.slice(-3));
  });

  it("filters by subject, type and time", async () => {
    const log = new EventLog(t.pool);
    const subjects = async (filter: object) =>
      (await log.read({ limit: 100, ...filter })).map(({ schema, event }) => `${schema} ${event.subject}`).sort();
    expect(await subjects({ subject: "u1" })).toEqual(["accounts u1", "shop u1"]);
    expect(await subjects({ type: "showtime.changed" })).toEqual(["accounts s1", "shop s1"]);
    expect(await subjects({ subject: "u1", type: "showtime.changed" })).toEqual([]);
    expect(await subjects({ since: new Date(systemClock.now() - 20_000), type: "user.deleted" })).toEqual([
      "accounts u1",
      "accounts u2",
      "shop u2",
    ]);
  });
});

describe("event metrics", () => {
  const stream = { published: new Map([["user.deleted", 7]] as const) };
  const clock = new VirtualClock();
  const registry = createMetrics("test");
  beforeAll(async () => {
    addEventMetrics({ registry, pool: t.pool, deadLetters: t.deadLetters, stream, clock, log: silent });
    const event = (await new EventLog(t.pool).read({ limit: 1 }))[0]!.event;
    await t.deadLetters.add({ consumer: "tickets", event, error: new Error("on purpose"), attempts: 8 });
  });
  const valueIn = (text: string, series: string): number =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(series))
        ?.split(" ")[1],
    );

  it("tell how far the outboxes are behind, what was published and what is dead", async () => {
    const text = await registry.metrics();
    expect(valueIn(text, 'usher_outbox_rows{schema="shop"')).toBe(2);
    expect(valueIn(text, 'usher_outbox_rows{schema="accounts"')).toBe(4);
    expect(valueIn(text, 'usher_outbox_age_seconds{schema="accounts"')).toBeGreaterThanOrEqual(30);
    expect(valueIn(text, 'usher_events_published_total{type="user.deleted"')).toBe(7);
    expect(valueIn(text, "usher_dead_letters{")).toBe(1);
  });

  it("have a type of which nothing was published yet, so that the first counts as growth", async () => {
    expect(valueIn(await registry.metrics(), 'usher_events_published_total{type="booking.refunded"')).toBe(0);
  });

  it("leave out what PostgreSQL does not answer in time, ask it no second time meanwhile, and have it again", async () => {
    await registry.metrics();
    const blocker = await t.pool.connect();
    try {
      await blocker.query("begin; lock table shop.outbox, events.dead_letter");
      for (let scrape = 0; scrape < 3; scrape++) {
        const scraped = registry.metrics();
        await clock.advance(METRICS_LOOK_MS);
        const text = await scraped;
        expect(text).not.toMatch(/^usher_(outbox|dead)/m);
        expect(valueIn(text, 'usher_events_published_total{type="user.deleted"')).toBe(7);
      }
      // The blocker's, and one for each of the two looks.
      expect(t.pool.totalCount - t.pool.idleCount).toBeLessThanOrEqual(3);
    } finally {
      blocker.release(true);
    }
    await expect.poll(async () => valueIn(await registry.metrics(), "usher_dead_letters{")).toBe(1);
    expect(valueIn(await registry.metrics(), 'usher_outbox_rows{schema="shop"')).toBe(2);
  });
});
