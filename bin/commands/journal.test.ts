import { afterEach, beforeEach, expect, it } from "vitest";
import { checkShardCount, Engine, PostgresJournal, takeSnapshot } from "../../engine/index.ts";
import { systemClock as clock } from "../../platform/clock/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { silent as log } from "../../platform/events/testing.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { type Command, holderId, type RequestId, shardOf, showtimeId } from "../../proto/index.ts";
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
async function usherJournal(settings: Record<string, string> = {}, lines: string[] = []): Promise<string[]> {
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

it("goes on behind damaged rows, where the newer sales are, and says who needs them and what to do", async () => {
  await sell();
  const shard = shardOf(showtime, SHARDS);
  const lines = await usherJournal();
  const gap = (rows: string) =>
    `${"-".repeat(24)}  what happened here is not known: ${rows} of shard ${shard} cannot be read`;
  const spoil = () =>
    catalog.pool.query("update engine.journal set checksum = checksum # 1 where shard = $1 and seq = 1", [shard]);
  const printed: string[] = [];

  await spoil();
  await expect(usherJournal({}, printed)).rejects.toThrow(
    `No engine that starts can go on without row 1 of shard ${shard}: back up what there is, then restore PostgreSQL (docs/guides/operating.md, Backup and restore).`,
  );
  expect(printed).toEqual([gap("row 1"), ...lines.slice(1)]);

  await spoil(); // It is as it was.
  const journal = new PostgresJournal({ connectionString: url, clock, log });
  await takeSnapshot(journal, shard, log);
  await journal.close();
  await spoil();
  await expect(usherJournal({}, printed)).rejects.toThrow(
    new RegExp(
      `^The journal is damaged, and sells on: no engine needs row 1 of shard ${shard} while its snapshot of row \\d+ `,
    ),
  );
});

it("tells of rows that are missing at once, however many, also behind the last that is there", async () => {
  await sell();
  const shard = shardOf(showtime, SHARDS);
  const [opened, held] = await usherJournal();
  await catalog.pool.query("update engine.journal set seq = seq + 1e9 where shard = $1 and seq > 1", [shard]);
  await catalog.pool.query(
    "insert into engine.journal (shard, seq, epoch, at, events, checksum) select shard, max(seq) + 1, 1, 0, '', 1 from engine.journal where shard = $1 group by shard",
    [shard],
  );
  const printed: string[] = [];
  await expect(usherJournal({}, printed)).rejects.toThrow(/^No engine that starts can go on without row \d+ of shard/);
  expect(printed).toEqual([
    opened,
    expect.stringContaining("rows 2 to 1000000001 of"),
    held?.replace(/row 2\)$/, "row 1000000002)"),
    expect.stringMatching(/: row \d+ of/),
  ]);
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
