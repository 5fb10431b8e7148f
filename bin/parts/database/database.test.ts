import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../../platform/config/index.ts";
import { createLogger } from "../../../platform/log/index.ts";
import { DatabaseUnusable } from "../../../platform/postgres/index.ts";
import { testDatabase, type TestDatabase } from "../../../platform/postgres/testing.ts";
import { openDatabase } from "./database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

it("says in one sentence also what nobody has foreseen", async () => {
  const config = loadConfig({ DATABASE_URL: `${database.url}?sslmode=verify-full` });
  const opened = openDatabase(config, createLogger({ name: "test", level: "silent" }));
  await expect(opened).rejects.toThrow(DatabaseUnusable);
  await expect(opened).rejects.toThrow(/^PostgreSQL cannot be used as DATABASE_URL has it: .*SSL.*\.$/);
});
