/**
 * What engines remember and PostgreSQL has not: an old backup was restored, or a standby took over that was behind. Only the engine that had a shard
 * remembers its rows, and another may be given it; so what one of them misses is written down for all.
 */
import type { Pool } from "pg";
import { ExplainedError } from "../../platform/explained/index.ts";
import { FIRST_EPOCH, NEXT_EPOCH } from "./epoch.ts";

/** Nobody serves the shard until PostgreSQL has the row, or an operator accepts the loss. */
export class SalesLost extends ExplainedError {
  override readonly name = "SalesLost";

  constructor(shard: number, end: number, acknowledged: number) {
    super(
      `PostgreSQL has lost sales it had acknowledged: shard ${shard} ends at row ${end}, but row ${acknowledged} was acknowledged. ` +
        "Restore the database that has it, or accept the loss (docs/guides/operating.md, Backup and restore).",
    );
  }
}

export interface Loss {
  readonly shard: number;
  /** The newest row that was acknowledged. */
  readonly row: number;
}

/**
 * Writes down which of these rows are not there, and replaces whoever serves their shards. A row is there, too, when a snapshot covers it.
 * @param journal the id of the journal whose rows they are: once a loss was accepted it has another, and they are no concern any more
 * @returns those that are not
 */
export async function noteLosses(
  pool: Pool,
  acknowledged: ReadonlyMap<number, number>,
  journal: string | undefined,
): Promise<readonly Loss[]> {
  const known = [...acknowledged].filter(([, seq]) => seq > 0);
  if (known.length === 0) return [];
  const { rows } = await pool.query<{ shard: number; row: string }>(
    `WITH this AS (SELECT id FROM engine.cluster WHERE id = coalesce($3, id) FOR UPDATE),
          known AS (SELECT k.* FROM unnest($1::int[], $2::bigint[]) AS k (shard, seq), this),
          lost AS (SELECT * FROM known k
                   WHERE NOT EXISTS (SELECT FROM engine.journal j WHERE j.shard = k.shard AND j.seq >= k.seq)
                     AND NOT EXISTS (SELECT FROM engine.snapshot s WHERE s.shard = k.shard AND s.seq >= k.seq))
     INSERT INTO engine.shard AS s (shard, epoch, lost_row) SELECT shard, ${FIRST_EPOCH}, seq FROM lost
     ON CONFLICT (shard) DO UPDATE
       SET epoch = ${NEXT_EPOCH}, owner = NULL, lost_row = greatest(s.lost_row, excluded.lost_row)
     RETURNING shard, lost_row AS row`,
    [known.map(([shard]) => shard), known.map(([, seq]) => seq), journal],
  );
  return rows.map(({ shard, row }) => ({ shard, row: Number(row) }));
}

/** 0 where nothing is known to be lost. */
export async function lostRowOf(pool: Pool, shard: number): Promise<number> {
  const { rows } = await pool.query<{ row: string | null }>({
    name: "lost-row",
    text: "SELECT lost_row AS row FROM engine.shard WHERE shard = $1",
    values: [shard],
  });
  return Number(rows[0]?.row ?? 0);
}

/** What was lost stays lost, and engines sell on. The journal gets another id: what they remember is of the one before. @returns what was lost */
export async function acceptLosses(pool: Pool): Promise<readonly Loss[]> {
  const { rows } = await pool.query<{ shard: number; row: string }>(
    `WITH this AS (UPDATE engine.cluster SET id = gen_random_uuid()
                   WHERE EXISTS (SELECT FROM engine.shard WHERE lost_row IS NOT NULL) RETURNING id),
          lost AS (SELECT s.shard, s.lost_row FROM engine.shard s, this WHERE s.lost_row IS NOT NULL),
          accepted AS (UPDATE engine.shard s SET lost_row = NULL FROM lost WHERE s.shard = lost.shard)
     SELECT shard, lost_row AS row FROM lost ORDER BY shard`,
  );
  return rows.map(({ shard, row }) => ({ shard, row: Number(row) }));
}
