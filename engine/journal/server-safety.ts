/** Before the first sale: is this a PostgreSQL that keeps what it acknowledges, and a journal of our shape? */
import type { Pool } from "pg";
import { ExplainedError } from "../../platform/explained/index.ts";

/** A journal that must not be written; the message is one sentence with the way out. */
export class UnsafeJournal extends ExplainedError {
  override readonly name = "UnsafeJournal";
}

/** Settings without which an acknowledged commit may be lost with the machine's power. */
const NEEDED = ["fsync", "full_page_writes", "synchronous_commit"] as const;

/** @throws UnsafeJournal when a setting that durability rests on is off, unless `allowUnsafe`. */
export async function checkServerSafety(pool: Pool, allowUnsafe: boolean): Promise<void> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_settings WHERE name = ANY($1)",
    [NEEDED],
  );
  const off = rows.filter((row) => row.setting === "off").map((row) => row.name);
  if (off.length > 0 && !allowUnsafe) {
    throw new UnsafeJournal(
      `PostgreSQL runs with ${off.join(", ")} off, so sold seats could be lost with its power: ` +
        "turn that on, or set ALLOW_UNSAFE_POSTGRES=true if losing sales is fine (a test machine).",
    );
  }
}

/**
 * Writes the shard count with the first start. Answers the id that the journal got then.
 * @throws UnsafeJournal when the journal has another shard count.
 */
export async function checkShardCount(pool: Pool, shards: number): Promise<string> {
  await pool.query("INSERT INTO engine.cluster (shards) VALUES ($1) ON CONFLICT DO NOTHING", [shards]);
  const { rows } = await pool.query<{ id: string; shards: number }>("SELECT id, shards FROM engine.cluster");
  const [row] = rows;
  if (row === undefined)
    throw new UnsafeJournal("engine.cluster is empty although it was just written: look at the database's triggers.");
  refuseOtherCount(shards, row.shards);
  return row.id;
}

/**
 * The same for a process that only speaks to engines: it writes nothing, and before an engine's first start any number will do.
 * @returns whether there was that start @throws UnsafeJournal
 */
export async function requireShardCount(pool: Pool, shards: number): Promise<boolean> {
  const written = await readShardCount(pool);
  refuseOtherCount(shards, written ?? shards);
  return written !== undefined;
}

/** What the journal was written with; undefined before an engine's first start. */
export async function readShardCount(pool: Pool): Promise<number | undefined> {
  const { rows: tables } = await pool.query("SELECT WHERE to_regclass('engine.cluster') IS NOT NULL");
  if (tables.length === 0) return undefined;
  const { rows } = await pool.query<{ shards: number }>("SELECT shards FROM engine.cluster");
  return rows[0]?.shards;
}

function refuseOtherCount(shards: number, written: number): void {
  if (shards === written) return;
  throw new UnsafeJournal(
    `SHARDS is ${shards}, but this journal was written with ${written}: set SHARDS=${written}, or begin with an empty database.`,
  );
}
