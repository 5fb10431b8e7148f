/** Who held, booked and gave back which seats of a showtime, and when: read from the journal alone. */
import { type Event, holdIdOf, shardOf, type ShowtimeId } from "../proto/index.ts";
import { type Journal, JournalDamaged, type JournalRow } from "./journal/index.ts";
import { readRow } from "./shard/index.ts";

interface AuditLine {
  /** The shard's clock, milliseconds since 1970. */
  readonly at: number;
  /** The writer's epoch and the journal row, so that a line can be found again. */
  readonly epoch: number;
  readonly row: number;
  readonly what: Event["type"];
  readonly seats: readonly number[];
  readonly holder?: string;
  readonly hold?: string;
  readonly booking?: string;
}

/** In order; begins with the oldest row that the journal still has. */
export async function* audit(journal: Journal, showtime: ShowtimeId, shards: number): AsyncIterable<AuditLine> {
  const shard = shardOf(showtime, shards);
  /** An extension names only its hold; the hold's first event named the seats. */
  const holds = new Map<number, readonly number[]>();
  for await (const row of rowsThatStay(journal, shard)) {
    const lines: AuditLine[] = [];
    readRow(row.events, (id, event) => {
      if (id === showtime) lines.push({ epoch: row.epoch, row: row.seq, ...lineOf(showtime, event, holds) });
    });
    yield* lines;
  }
}

/** A shard that takes a snapshot meanwhile may delete the oldest: then it begins with those that are left. */
async function* rowsThatStay(journal: Journal, shard: number): AsyncIterable<JournalRow> {
  for (let after = (await journal.oldestRow(shard)) - 1; ;) {
    try {
      for await (const row of journal.rows(shard, after)) {
        after = row.seq;
        yield row;
      }
      return;
    } catch (error) {
      const before = (await journal.oldestRow(shard)) - 1;
      if (!(error instanceof JournalDamaged) || before <= after) throw error;
      after = before;
    }
  }
}

function lineOf(
  showtime: ShowtimeId,
  event: Event,
  holds: Map<number, readonly number[]>,
): Omit<AuditLine, "epoch" | "row"> {
  const number = "hold" in event ? event.hold : undefined;
  if (event.type === "held") holds.set(event.hold, event.seats);
  return {
    at: event.at,
    what: event.type,
    seats: "seats" in event ? event.seats : (holds.get(number ?? -1) ?? []),
    ...("holder" in event && { holder: event.holder }),
    ...(number !== undefined && { hold: holdIdOf(showtime, number) }),
    ...("booking" in event && { booking: event.booking }),
  };
}
