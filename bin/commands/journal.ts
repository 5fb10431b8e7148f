import { Command } from "commander";
import { audit, readShardCount } from "../../engine/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { isPlainId, showtimeId } from "../../proto/index.ts";
import { seatLabels } from "../../services/catalog/index.ts";
import type { Context } from "../context.ts";
import { openDatabaseBeside, withDatabase } from "../parts/database/database.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { type Damage, JournalPastDamage } from "./journal-past-damage.ts";

const NO_SHOWTIMES_YET = "This database knows no showtimes yet: start Usher, or run `npx usher migrate`.";

export const journalCommand = (context: Context): Command =>
  new Command("journal")
    .description("prints who held, booked and gave back which seats of a showtime, and when")
    .argument("<showtime>", "the showtime's id")
    .option("--seat <label>", "only this seat, by its label such as F12 or its index")
    .action((showtime: string, options: { seat?: string }) => printJournal(context, showtime, options.seat));

/** Reads the journal in PostgreSQL, whether or not Usher runs. Times are UTC; seats go by their labels. */
async function printJournal(context: Context, showtimeText: string, seat: string | undefined): Promise<void> {
  const config = loadConfig(context.env);
  if (!isPlainId(showtimeText)) throw new ExplainedError(`${showtimeText} cannot be a showtime's id.`);
  const showtime = showtimeId(showtimeText);
  const log = createLogger({ level: "warn", name: "journal" });
  const database = await openDatabaseBeside(config, log);
  await withDatabase(database, { name: "usher-journal-print", log, ifEmpty: NO_SHOWTIMES_YET }, async (pool) => {
    const labels = await seatLabels(pool, showtime);
    if (labels === undefined)
      throw new ExplainedError(`There is no showtime ${showtime}: GET /api/v1/showtimes names them.`);
    const wanted = seat === undefined ? undefined : seatOf(labels, seat);
    const shards = await readShardCount(pool);
    const damages: Damage[] = [];
    const journal = new JournalPastDamage({ connectionString: database.url, clock: systemClock, log }, (damage) => {
      damages.push(damage);
      context.print(`${"-".repeat(24)}  what happened here is not known: ${rowsIn(damage)} cannot be read`);
    });
    let lines = 0;
    try {
      for await (const line of shards === undefined ? [] : audit(journal, showtime, shards)) {
        if (wanted !== undefined && !line.seats.includes(wanted)) continue;
        lines++;
        const seats = line.seats.map((index) => labels[index] ?? `#${index}`).join(" ");
        const who = [line.holder, line.hold && `hold ${line.hold}`, line.booking && `booking ${line.booking}`];
        context.print(
          `${new Date(line.at).toISOString()}  ${line.what.padEnd(9)}  ${seats.padEnd(16)}  ${who.filter(Boolean).join(", ")}  (epoch ${line.epoch}, row ${line.row})`,
        );
      }
      const newest = damages.at(-1);
      if (newest !== undefined) throw new ExplainedError(await whatToDo(journal, newest));
    } finally {
      await journal.close();
    }
    if (lines === 0) context.print("Nothing has happened to it.");
  });
}

/** An engine begins with the newest snapshot that it can read, and has to have all rows after it. */
async function whatToDo(journal: JournalPastDamage, newest: Damage): Promise<string> {
  const snapshot = await journal.snapshots(newest.shard)[Symbol.asyncIterator]().next();
  if (!snapshot.done && snapshot.value.seq >= newest.to) {
    return `The journal is damaged, and sells on: no engine needs ${rowsIn(newest)} while its snapshot of row ${snapshot.value.seq} can be read. Back up PostgreSQL now.`;
  }
  return `No engine that starts can go on without ${rowsIn(newest)}: back up what there is, then restore PostgreSQL (docs/guides/operating.md, Backup and restore).`;
}

const rowsIn = ({ shard, from, to }: Damage): string =>
  `${from === to ? `row ${from}` : `rows ${from} to ${to}`} of shard ${shard}`;

function seatOf(labels: readonly string[], text: string): number {
  const index = labels.findIndex((label) => label.toLowerCase() === text.toLowerCase());
  if (index >= 0) return index;
  if (/^\d+$/.test(text) && Number(text) < labels.length) return Number(text);
  throw new ExplainedError(
    `The hall has no seat ${text}: its seats are ${labels[0]} to ${labels.at(-1)}, or 0 to ${labels.length - 1}.`,
  );
}
