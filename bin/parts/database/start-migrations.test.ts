import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import { Lifecycle } from "../../../platform/lifecycle/index.ts";
import { createLogger } from "../../../platform/log/index.ts";
import { testDatabase, type TestDatabase } from "../../../platform/postgres/testing.ts";
import { startMigrations } from "./start-migrations.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

it("a statement of a migration may take longer than others are waited for", async () => {
  const log = createLogger({ name: "test", level: "silent" });
  const limits: (number | undefined)[] = [];
  const role = { log, clock: systemClock, lifecycle: new Lifecycle({ clock: systemClock, log, stopTimeoutMs: 1_000 }) };
  await startMigrations(role, database.url, async (pool) => {
    const client = await pool.connect();
    const { connection } = client as unknown as { connection: { stream: Socket } };
    limits.push(connection.stream.timeout);
    client.release();
  });
  expect(limits).toEqual([undefined]);
});
