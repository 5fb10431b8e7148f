import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock, VirtualClock } from "../../platform/clock/index.ts";
import { watchedDatabase } from "../../platform/postgres/testing.ts";
import { CatalogReader } from "./catalog-reader.ts";
import { PAGE_CACHE_BYTES, PAGE_ENTRY_BYTES } from "./limits.ts";
import { CATALOG_SCHEMA, type CatalogTables } from "./store/tables.ts";
import { testCatalog, type TestCatalog } from "./testing.ts";

let catalog: TestCatalog;
beforeAll(async () => {
  catalog = await testCatalog();
  await catalog.service.start();
});
afterAll(() => catalog.close());

const cursorOf = (...place: readonly unknown[]): string => Buffer.from(JSON.stringify(place)).toString("base64url");

it("keeps pages in so many bytes, however many cursors are made up", async () => {
  const { db, asked } = watchedDatabase<CatalogTables>(catalog.pool);
  const reader = new CatalogReader({ db: db.withSchema(CATALOG_SCHEMA), clock: new VirtualClock(systemClock.now()) });
  const ask = (at: number) => reader.showtimes({ limit: 100, cursor: cursorOf(at, "st_nothing") });
  const { length } = (await ask(0)).json;
  await ask(0);
  expect(asked).toHaveLength(1);
  const pages = Math.ceil(PAGE_CACHE_BYTES / length);
  for (let at = 1; at < pages; at++) await ask(at);
  await ask(0);
  expect(asked).toHaveLength(pages + 1);
});

it("weighs what was asked, which may be longer than the answer", async () => {
  const { db, asked } = watchedDatabase<CatalogTables>(catalog.pool);
  const reader = new CatalogReader({ db: db.withSchema(CATALOG_SCHEMA), clock: new VirtualClock(systemClock.now()) });
  const longCursor = (at: number) => cursorOf("zzz", `${"x".repeat(3_000)}${at}`);
  const ask = (at: number) => reader.cinemas({ cursor: longCursor(at) });
  expect((await ask(0)).value.items).toEqual([]);
  const pages = Math.ceil(PAGE_CACHE_BYTES / (PAGE_ENTRY_BYTES + 2 * longCursor(0).length));
  for (let at = 1; at < pages; at++) await ask(at);
  expect(asked).toHaveLength(pages);
  await ask(0);
  expect(asked).toHaveLength(pages + 1);
});
