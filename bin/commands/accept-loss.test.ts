import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkShardCount, ENGINE_MIGRATIONS, PostgresJournal } from "../../engine/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { acceptLossCommand } from "./accept-loss.ts";

const log = pino({ level: "silent" });
let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

async function acceptLoss(): Promise<string[]> {
  const lines: string[] = [];
  const command = acceptLossCommand({
    env: { DATABASE_URL: database.url },
    dist: new URL("file:///"),
    version: "0.0.0",
    print: (line) => void lines.push(line),
  });
  await command.parseAsync([], { from: "user" });
  return lines;
}

it("usher accept-loss says what is given up, and where there is nothing", async () => {
  await expect(acceptLoss()).rejects.toThrow("no engine has started on it");
  const pool = createPool({ connectionString: database.url, max: 1, name: "test", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
  await checkShardCount(pool, 8);
  await pool.end();
  expect(await acceptLoss()).toEqual([expect.stringContaining("start them first")]);
  const journal = new PostgresJournal({ connectionString: database.url, clock: systemClock, log });
  await journal.noteLosses(new Map([[5, { seq: 403 }]]));
  await journal.close();
  expect(await acceptLoss()).toEqual([
    "shard 5: its rows up to 403 are given up",
    expect.stringContaining("Start every engine anew"),
  ]);
  expect(await acceptLoss()).toHaveLength(1);
});
