import { afterEach, beforeEach, expect, it } from "vitest";
import { checkShardCount, Engine, PostgresJournal } from "../../engine/index.ts";
import { systemClock as clock } from "../../platform/clock/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { silent as log } from "../../platform/events/testing.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { type Command, holderId, type RequestId, showtimeId } from "../../proto/index.ts";
import { PREMIERE_ID } from "../../services/catalog/index.ts";
import { testCatalog, type TestCatalog } from "../../services/catalog/testing.ts";
import { databaseUsers } from "../cluster/database-users.ts";
import { migrateEngine } from "../parts/database/engine-migrations.ts";
import { journalCommand } from "./journal.ts";

/** Not what `usher journal` is told below. */
const SHARDS = 7;
const showtime = showtimeId(PREMIERE_ID);

let catalog: TestCatalog;
let url: string;
beforeEach(async () => {
  catalog = await testCatalog();
  url = catalog.pool.options.connectionString ?? "";
  await catalog.service.start();
});
afterEach(() => catalog.close());

/** Runs `usher journal ...` and gives what it printed. */
async function usherJournal(settings: Record<string, string> = {}): Promise<string[]> {
  const lines: string[] = [];
  const command = journalCommand({
    env: { DATABASE_URL: url, ...settings },
    dist: new URL("file:///"),
    version: "0.0.0",
    print: (line) => void lines.push(line),
  });
  await command.exitOverride().parseAsync([showtime], { from: "user" });
  return lines;
}

/** Opens the showtime and holds two of its seats. */
async function sell(): Promise<void> {
  await migrateEngine(catalog.pool);
  await checkShardCount(catalog.pool, SHARDS);
  const journal = new PostgresJournal({ connectionString: url, clock, log });
  const engine = new Engine({
    id: "test",
    journal,
    bus: catalog.bus,
    clock,
    log,
    metrics: createMetrics("test"),
    shards: SHARDS,
    snapshots: { take: () => Promise.resolve(), close: () => Promise.resolve() },
    witness: { read: () => Promise.resolve(new Map()), write: () => Promise.resolve() },
    limits: { holdTtlMs: 6e4, holdMaxMs: 6e4, paymentTtlMs: 6e4, maxSeatsPerHolder: 8, maxExtensions: 2 },
    onReplaced: () => undefined,
  });
  await engine.start();
  const client = new EngineClient({
    bus: catalog.bus,
    clock,
    shards: SHARDS,
    sells: true,
    timeoutMs: 1e4,
    inFlightMax: 10,
  });
  const open = catalog.engine.opens.find((command) => command.showtime === showtime) as Command; // The demo has it.
  const hold: Command = { type: "hold", showtime, holder: holderId("ann"), rid: "r1" as RequestId, seats: [11, 12] };
  expect(await client.ask(open)).toEqual({ type: "done" });
  expect(await client.ask(hold)).toMatchObject({ type: "held" });
  await engine.stop();
  await journal.close();
}

it("tells what happened to a showtime, whatever SHARDS is where it is asked", async () => {
  await sell();
  const lines = await usherJournal();
  expect(lines.map((line) => line.split(/ {2,}/)[1])).toEqual(["opened", "held"]);
  expect(lines[1]).toMatch(/held +A12 A13 +ann, hold /);
  expect(await usherJournal({ SHARDS: "9" })).toEqual(lines);
});

it("says in one sentence that it is asked with the user of another role", async () => {
  await sell();
  const passwords = { engine: "e1", services: "s2", gateway: "g3" };
  const urls = await databaseUsers({ url, passwords, dist: new URL("../../dist/", import.meta.url), log });
  await expect(usherJournal({ DATABASE_URL: urls!.services })).rejects.toThrow(
    /^The user in DATABASE_URL lacks a perm/,
  );
});

it("says that nothing has happened where no engine has started yet", async () => {
  expect(await usherJournal()).toEqual(["Nothing has happened to it."]);
});

it("says in one sentence that a database has no Usher's tables", async () => {
  const empty = await testDatabase();
  await expect(usherJournal({ DATABASE_URL: empty.url })).rejects.toThrow(
    "This database knows no showtimes yet: start Usher, or run `npx usher migrate`.",
  );
  await empty.drop();
});
