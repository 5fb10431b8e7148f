import { beforeAll, expect, it, onTestFinished } from "vitest";
import { pino } from "pino";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { prepared } from "../../platform/testing/prepared.ts";
import { ENGINE_MIGRATIONS } from "../journal/index.ts";
import { SnapshotThread } from "./snapshot-thread.ts";

/** As it is built: a thread runs no TypeScript. */
const SCRIPT = new URL("../../dist/engine/snapshot/worker.js", import.meta.url);
beforeAll(prepared);

it("the thread's errors are counted as those of the process are", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.drop());
  const pool = createPool({ connectionString: database.url, max: 1, name: "test", log: pino({ level: "silent" }) });
  onTestFinished(() => pool.end());
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
  await pool.query("insert into engine.snapshot (shard, seq, bytes, checksum) values (1, 7, 'damaged', 0)");
  const levels: string[] = [];
  const data = { connectionString: database.url, logLevel: "error" } as const;
  const thread = new SnapshotThread(SCRIPT, data, (level) => levels.push(level));
  onTestFinished(() => thread.close());
  await thread.take(0);
  expect(levels).toEqual([]);
  await thread.take(1);
  expect(levels).toEqual(["error"]);
});
