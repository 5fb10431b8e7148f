import { JournalDamaged, type JournalRow, PostgresJournal } from "../../engine/index.ts";

/** Rows that cannot be read back, both ends included. */
export interface Damage {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
}

/** For looks alone: goes on behind rows that are damaged or missing, since the newest sales are there. An engine has to have every one. */
export class JournalPastDamage extends PostgresJournal {
  readonly #onDamage: (damage: Damage) => void;

  /** @param onDamage is called before the row that comes behind it */
  constructor(options: ConstructorParameters<typeof PostgresJournal>[0], onDamage: (damage: Damage) => void) {
    super(options);
    this.#onDamage = onDamage;
  }

  override async *rows(shard: number, afterSeq: number): AsyncIterable<JournalRow> {
    let from = afterSeq + 1;
    let next = from;
    const tell = () => from < next && this.#onDamage({ shard, from, to: next - 1 });
    for (;;) {
      try {
        for await (const row of super.rows(shard, next - 1)) {
          tell();
          from = next = row.seq + 1;
          yield row;
        }
        tell();
        return;
      } catch (error) {
        // Those that were deleted meanwhile, for their age, are no damage.
        if (!(error instanceof JournalDamaged) || error.upTo === undefined || (await this.oldestRow(shard)) > next)
          throw error;
        next = error.upTo + 1;
      }
    }
  }
}
