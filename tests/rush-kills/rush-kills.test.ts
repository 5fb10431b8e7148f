/**
 * Usher, and PostgreSQL under it, killed in the middle of a rush of 2,000 holds and releases a second. RUSH_KILLS=50 kills each of the two
 * 50 times, SEED=n presses the same seats again.
 */
import { describe, expect, it } from "vitest";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { stopPostgres } from "../kills/stop-postgres.ts";
import { removeDirectory, temporaryDirectory } from "../support/usher-process.ts";
import { type Kill, Rush, type Victim } from "./rush.ts";

const KILLS = Number(process.env["RUSH_KILLS"] ?? 2);
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const [OF_ONE_WITH_DATABASE, OF_ONE_WITH_ITS_OWN] = [Math.ceil(KILLS / 2), Math.floor(KILLS / 2)];
const timeout = 180_000 + KILLS * 120_000;

describe(`in a rush (seed ${SEED})`, () => {
  it("a killed Usher with a database elsewhere comes back with all it had answered", { timeout }, async () => {
    const [dataDir, database] = [await temporaryDirectory(), await testDatabase()];
    const rush = await Rush.begin({
      settings: { DATA_DIR: dataDir, DATABASE_URL: database.url },
      seed: SEED,
      killPostgres: () => Promise.reject(new Error("other tests use it")),
    });
    await killInTurn(
      rush,
      Array.from({ length: OF_ONE_WITH_DATABASE }, () => "usher"),
    );
    await database.drop();
    await removeDirectory(dataDir);
  });

  it(
    "a killed Usher with its own PostgreSQL, and a killed PostgreSQL, come back with all that was answered",
    { timeout },
    async () => {
      const dataDir = await temporaryDirectory();
      const rush = await Rush.begin({
        settings: { DATA_DIR: dataDir },
        seed: SEED + 1,
        killPostgres: () => stopPostgres(dataDir, "immediate"),
      });
      const victims = Array.from({ length: KILLS }, (_, turn): Victim[] =>
        turn < OF_ONE_WITH_ITS_OWN ? ["postgres", "usher"] : ["postgres"],
      );
      await killInTurn(rush, victims.flat());
      await removeDirectory(dataDir);
    },
  );
});

async function killInTurn(rush: Rush, victims: readonly Victim[]): Promise<void> {
  try {
    for (const victim of victims) {
      await rush.killOnce(victim);
      expect(rush.wrongs).toEqual([]);
    }
  } finally {
    await rush.end();
    console.log(tableOf(rush.kills));
  }
  expect(rush.kills).toHaveLength(victims.length);
}

const COLUMNS: readonly (keyof Kill)[] = [
  ...([
    "victim",
    "rate",
    "retried",
    "holds",
    "releases",
    "backMs",
    "shownSeq",
    "nextSeq",
    "leastGainMs",
    "mostGainMs",
  ] as const),
];

function tableOf(kills: readonly Kill[]): string {
  const rows = [COLUMNS, ...kills.map((kill) => COLUMNS.map((column) => kill[column]))];
  return rows.map((row) => row.map((cell) => String(cell).padStart(11)).join(" ")).join("\n");
}
