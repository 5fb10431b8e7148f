/**
 * What engines remember and PostgreSQL has not: an old backup was restored, or a standby took over that was behind. Only the engine that had a shard
 * remembers its rows, and another may be given it; so what one of them misses is written down for all.
 */
import type { Pool } from "pg";
import { ExplainedError } from "../../platform/explained/index.ts";
import type { Acknowledged, Journal, Loss } from "./journal.ts";
import { FIRST_EPOCH, NEXT_EPOCH } from "./epoch.ts";

/** Nobody serves the shard until PostgreSQL has the row, or an operator accepts the loss. */
export class SalesLost extends ExplainedError {
  override readonly name = "SalesLost";

  constructor(shard: number, end: number, lost: number) {
    const what =
      lost > end
        ? `ends at row ${end}, and row ${lost} was acknowledged`
        : `has another row ${lost} than was acknowledged`;
    super(
      `PostgreSQL has lost sales it had acknowledged: shard ${shard} ${what}. ` +
        "Restore the database that has it, or accept the loss (docs/guides/operating.md, Backup and restore).",
    );
  }
}

/**
 * Whether the row `k` of a shard is there. A standby that was behind may have gone on with other rows under the same numbers: they have another
 * epoch. Of rows that are deleted by now a snapshot says that they were there.
 */
const isThere = (shard: string): string => `(
  EXISTS (SELECT FROM engine.journal j WHERE j.shard = ${shard} AND j.seq = k.seq AND j.epoch = coalesce(k.epoch, j.epoch))
  OR EXISTS (SELECT FROM engine.snapshot s WHERE s.shard = ${shard} AND s.seq >= k.seq)
    AND NOT EXISTS (SELECT FROM engine.journal j WHERE j.shard = ${shard} AND j.seq <= k.seq)
)`;

/**
 * Writes down which of these rows are not there, and replaces whoever serves their shards.
 * @param journal the id of the journal whose rows they are: once a loss was accepted it has another, and they are no concern any more
 * @returns those that are not
 */
export async function noteLosses(
  pool: Pool,
  acknowledged: ReadonlyMap<number, Acknowledged>,
  journal: string | undefined,
): Promise<readonly Loss[]> {
  const known = [...acknowledged].filter(([, { seq }]) => seq > 0);
  if (known.length === 0) return [];
  const { rows } = await pool.query<{ shard: number; row: string }>(
    `WITH this AS (SELECT id FROM engine.cluster WHERE id = coalesce($3, id) FOR UPDATE),
          known AS (SELECT k.* FROM unnest($1::int[], $2::bigint[], $4::bigint[]) AS k (shard, seq, epoch), this),
          lost AS (SELECT * FROM known k WHERE NOT ${isThere("k.shard")})
     INSERT INTO engine.shard AS s (shard, epoch, lost_row, lost_epoch) SELECT shard, ${FIRST_EPOCH}, seq, epoch FROM lost
     ON CONFLICT (shard) DO UPDATE
       SET epoch = ${NEXT_EPOCH}, owner = NULL, lost_row = greatest(s.lost_row, excluded.lost_row),
           lost_epoch = CASE WHEN s.lost_row > excluded.lost_row THEN s.lost_epoch ELSE excluded.lost_epoch END
     RETURNING shard, lost_row AS row`,
    [
      known.map(([shard]) => shard),
      known.map(([, { seq }]) => seq),
      journal,
      known.map(([, { epoch }]) => epoch ?? null),
    ],
  );
  return rows.map(({ shard, row }) => ({ shard, row: Number(row) }));
}

/** See `Journal.end`. */
export async function endOf(
  pool: Pool,
  shard: number,
  { seq, epoch }: Acknowledged,
  journal: string | undefined,
): ReturnType<Journal["end"]> {
  const { rows } = await pool.query<{ seq: string | null; epoch: string | null; lost: string | null }>({
    name: "end",
    text: `SELECT last.seq, last.epoch, (
             SELECT max(k.seq) FROM (
               SELECT lost_row, lost_epoch FROM engine.shard WHERE shard = $1
               UNION ALL SELECT $2::bigint, $3::bigint FROM engine.cluster WHERE id = coalesce($4, id)
             ) AS k (seq, epoch) WHERE k.seq > 0 AND NOT ${isThere("$1")}
           ) AS lost
           FROM (VALUES (1)) one
           LEFT JOIN (SELECT seq, epoch FROM engine.journal WHERE shard = $1 ORDER BY seq DESC LIMIT 1) last ON true`,
    values: [shard, seq, epoch ?? null, journal],
  });
  const [end] = rows;
  const last = { seq: Number(end?.seq ?? 0), epoch: Number(end?.epoch ?? 0) };
  return { last, lost: Number(end?.lost ?? 0) };
}

/** What was lost stays lost, and engines sell on. The journal gets another id: what they remember is of the one before. @returns what was lost */
export async function acceptLosses(pool: Pool): Promise<readonly Loss[]> {
  const { rows } = await pool.query<{ shard: number; row: string }>(
    `WITH this AS (UPDATE engine.cluster SET id = gen_random_uuid()
                   WHERE EXISTS (SELECT FROM engine.shard WHERE lost_row IS NOT NULL) RETURNING id),
          lost AS (SELECT s.shard, s.lost_row FROM engine.shard s, this WHERE s.lost_row IS NOT NULL),
          accepted AS (UPDATE engine.shard s SET lost_row = NULL, lost_epoch = NULL FROM lost WHERE s.shard = lost.shard)
     SELECT shard, lost_row AS row FROM lost ORDER BY shard`,
  );
  return rows.map(({ shard, row }) => ({ shard, row: Number(row) }));
}
