/** How an engine comes back: from a long journal, and from one of very many showtimes. */
import { allSteps } from "../../engine/core/index.ts";
import { recover } from "../../engine/index.ts";
import type { PostgresJournal } from "../../engine/index.ts";
import { RowWriter } from "../../engine/shard/row-codec.ts";
import { type Event, showtimeId, type ShowtimeId } from "../../proto/index.ts";
import { carryOutAll, holdsAndReleases, opened, plan, START, threeSeats } from "./sale.ts";
import { openJournal } from "./shard.ts";
import type { Work } from "./work.ts";

const EVENTS = 400_000;
const EVENTS_A_ROW = 200;
const SHOWTIMES = 10_000;
const SHARDS = 64;
/** 96 seats: the small halls of a multiplex. */
const HALL = plan(8, 12);

/** How many showtimes a start has, and the name of that work. */
export function startsWith(share: number): { readonly showtimes: number; readonly fromRows: string } {
  const showtimes = Math.max(SHARDS, Math.round(SHOWTIMES * share));
  return { showtimes, fromRows: `start with ${showtimes} showtimes, from their rows: showtimes` };
}

/** @param isWritten the database has what is to be read; else it is written first */
export function recoveryWork(share: number, databaseUrl: string, isWritten = false): ReadonlyMap<string, Work> {
  const { showtimes, fromRows } = startsWith(share);
  const pairs = Math.max(EVENTS_A_ROW, Math.round((EVENTS * share) / 2));
  return new Map([
    ["a shard's journal, read and replayed: events", longJournal(pairs, databaseUrl, isWritten)],
    [fromRows, start(showtimes, false, databaseUrl, isWritten)],
    [`start with ${showtimes} showtimes, from snapshots: showtimes`, start(showtimes, true, databaseUrl, isWritten)],
  ]);
}

function longJournal(pairs: number, databaseUrl: string, isWritten: boolean): Work {
  let written: Promise<PostgresJournal> | undefined;
  const write = async (): Promise<PostgresJournal> => {
    const events: Event[] = [];
    const hall = plan(125, 160);
    const state = opened(hall, undefined, events);
    carryOutAll(state, holdsAndReleases(state, pairs, threeSeats(hall)), events);
    const journal = await openJournal(databaseUrl);
    await writeRows(
      journal,
      0,
      events.map((event) => [state.id, event]),
    );
    return journal;
  };
  return {
    count: pairs * 2 + 1,
    async prepare() {
      const journal = await (written ??= isWritten ? openJournal(databaseUrl) : write());
      return () => recoverOne(journal, 0, pairs * 2 + 1);
    },
    close: async () => (await written)?.close(),
  };
}

function start(showtimes: number, snapshots: boolean, databaseUrl: string, isWritten: boolean): Work {
  let written: Promise<PostgresJournal> | undefined;
  const write = async (): Promise<PostgresJournal> => {
    const journal = await openJournal(databaseUrl);
    for (let shard = 0; shard < SHARDS; shard++) {
      const events: [ShowtimeId, Event][] = [];
      for (let at = shard; at < showtimes; at += SHARDS) {
        const id = showtimeId(`showtime-${at}`);
        const opening: Event[] = [];
        opened(HALL, id, opening);
        events.push(...opening.map((event): [ShowtimeId, Event] => [id, event]));
      }
      await writeRows(journal, shard, events);
      if (!snapshots) continue;
      const { state } = await recover(journal, shard, () => undefined);
      await journal.saveSnapshot({ shard, seq: state.seq, bytes: allSteps(state.encode()) });
    }
    return journal;
  };
  return {
    count: showtimes,
    async prepare() {
      const journal = await (written ??= isWritten ? openJournal(databaseUrl) : write());
      return async (done) => {
        const states = await Promise.all(
          Array.from({ length: SHARDS }, async (_, shard) => {
            const recovery = await recover(journal, shard, () => undefined);
            done(recovery.state.showtimes.size);
            return recovery;
          }),
        );
        const found = states.reduce((sum, { state }) => sum + state.showtimes.size, 0);
        if (found !== showtimes) throw new Error(`${found} of ${showtimes} showtimes came back`);
      };
    },
    close: async () => (await written)?.close(),
  };
}

async function recoverOne(journal: PostgresJournal, shard: number, events: number): Promise<void> {
  const { state } = await recover(journal, shard, () => undefined);
  const seq = [...state.showtimes.values()].reduce((sum, showtime) => sum + showtime.seq, 0);
  if (seq !== events) throw new Error(`${seq} of ${events} events came back`);
}

async function writeRows(
  journal: PostgresJournal,
  shard: number,
  events: readonly (readonly [ShowtimeId, Event])[],
): Promise<void> {
  const epoch = await journal.claim(shard, "bench");
  let seq = 0;
  for (let first = 0; first < events.length; first += EVENTS_A_ROW) {
    const row = new RowWriter();
    const places = new Map<ShowtimeId, number>();
    for (const [showtime, event] of events.slice(first, first + EVENTS_A_ROW))
      places.set(showtime, row.add(showtime, places.get(showtime) ?? 0, event));
    await journal.commit([{ shard, seq: ++seq, epoch, at: START + seq, events: row.take(), bookedSeats: [] }]);
  }
}
