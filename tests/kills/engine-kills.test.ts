import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock/index.ts";
import { startEmbedded } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { killEngine } from "./engine-kills.ts";
import { stopPostgres } from "./stop-postgres.ts";

const KILLS = Number(process.env["ENGINE_KILLS"] ?? 3);
const SEED = Number(process.env["ENGINE_KILLS_SEED"] ?? Date.now() % 1_000_000);
const progress = (line: string): void => void (process.env["ENGINE_KILLS"] !== undefined && console.log(line));

describe(`an engine that dies ${KILLS} times (seed ${SEED})`, () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database.drop());

  it(
    "keeps every answer that it gave: holds, releases, extensions, confirms, cancels",
    { timeout: 600_000 },
    async () => {
      const tally = await killEngine({ databaseUrl: database.url, seed: SEED, kills: KILLS, progress });
      console.log(JSON.stringify(tally));
      expect(tally.kills).toBe(KILLS);
      expect(tally.outcomes).toBeGreaterThan(KILLS * 50);
      expect(tally.bookedSeats).toBeGreaterThan(0);
    },
  );
});

describe(`an engine whose PostgreSQL dies ${KILLS} times (seed ${SEED})`, () => {
  const log = pino({ level: "silent" });
  let dataDir: string;
  let postgres: Awaited<ReturnType<typeof startEmbedded>>;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "usher-kills-"));
    postgres = await startEmbedded({ dataDir, log, clock: systemClock });
  });
  afterAll(async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it("answers again by itself, and keeps every answer that it gave", { timeout: 600_000 }, async () => {
    const tally = await killEngine({
      databaseUrl: postgres.url,
      seed: SEED,
      kills: KILLS,
      progress,
      killPostgres: () => stopPostgres(dataDir, "immediate"),
    });
    console.log(JSON.stringify(tally));
    expect(tally.kills).toBe(KILLS);
  });
});
