/** Holds everything that anybody was told against what the engine, the journal and the books say. */
import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import { findHold, viewOf } from "../../engine/core/index.ts";
import { JournalDamaged, PostgresJournal, recover } from "../../engine/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { createPool } from "../../platform/postgres/index.ts";
import { checksumOf, type HolderId, type HoldId, shardOf, type ShowtimeId } from "../../proto/index.ts";
import type { Buyer } from "../rush-kills/buyer.ts";
import type { Viewer } from "../rush-kills/viewer.ts";
import { Rest } from "../support/rest.ts";
import type { Bought } from "./shopper.ts";
import { log, PATIENCE_MS, SHARDS } from "./world.ts";

/** What is known of one showtime from answers alone. */
export interface Hall {
  readonly showtime: ShowtimeId;
  readonly seatCount: number;
  readonly buyers: readonly Buyer[];
  readonly viewers: readonly Viewer[];
}

const FREE = 0;
const HELD = 1;
const BOOKED = 2;
const POLL_MS = 50;
/** By then every viewer sees what the engine says, on a machine as busy as it may be. */
const VIEWERS_MS = 20_000;

export class Referee {
  readonly #rest: Rest;
  readonly #journal: PostgresJournal;
  readonly #pool: Pool;
  readonly #wrong: (what: string) => void;

  constructor(options: { httpPort: number; databaseUrl: string; wrong: (what: string) => void }) {
    this.#rest = new Rest(options.httpPort);
    this.#journal = new PostgresJournal({ connectionString: options.databaseUrl, clock: systemClock, log });
    this.#pool = createPool({ connectionString: options.databaseUrl, max: 2, name: "referee", log });
    this.#wrong = options.wrong;
  }

  async close(): Promise<void> {
    await this.#journal.close();
    await this.#pool.end();
  }

  /** To be called while nobody asks for anything. */
  async check(halls: readonly Hall[], bought: readonly Bought[]): Promise<void> {
    for (const hall of halls) {
      const booked = bought.filter(({ showtime }) => showtime === hall.showtime).flatMap(({ seats }) => seats);
      const expected = this.#expected(hall, booked);
      await this.#checkEngine(hall, expected);
      await this.#checkJournal(hall, expected);
      await this.#checkBookedSeats(hall, booked);
    }
    await this.#checkEpochs();
  }

  /** Tickets and money come after the booking; they must in the end be as the bookings are. */
  async checkBooks(bought: readonly Bought[]): Promise<void> {
    const seats = bought.flatMap(({ showtime, seats: of }) => of.map((seat) => `${showtime} ${seat}`)).sort();
    const total = String(bought.reduce((sum, one) => sum + one.total, 0));
    await this.#comesTrue("tickets", String(seats), async () => {
      const { rows } = await this.#pool.query<{ showtime_id: string; seat: number }>(
        "SELECT showtime_id, seat FROM tickets.ticket WHERE voided_at IS NULL",
      );
      return String(rows.map((row) => `${row.showtime_id} ${row.seat}`).sort());
    });
    for (const [whose, table] of [
      ["the shop", "payments.payment"],
      ["the gateway", "mock_gateway.payment"],
    ] as const) {
      await this.#comesTrue(`captured less refunded, by ${whose}`, total, async () => {
        const { rows } = await this.#pool.query<{ sum: string }>(
          `SELECT coalesce(sum(captured - refunded), 0) AS sum FROM ${table}`,
        );
        return rows[0]?.sum ?? "";
      });
    }
  }

  #expected({ seatCount, buyers, showtime }: Hall, booked: readonly number[]): Uint8Array {
    const expected = new Uint8Array(seatCount);
    const take = (seat: number, status: number): void => {
      if (expected[seat] !== FREE) this.#wrong(`${showtime}: seat ${seat} was given to two`);
      expected[seat] = status;
    };
    for (const seat of booked) take(seat, BOOKED);
    for (const { holds } of buyers) for (const { seats } of holds.values()) for (const seat of seats) take(seat, HELD);
    return expected;
  }

  async #checkEngine({ showtime, viewers }: Hall, expected: Uint8Array): Promise<void> {
    const { seq, epoch, statuses } = await this.#seats(showtime);
    if (statuses !== expected.join(""))
      this.#wrong(`${showtime} at (${epoch}, ${seq}) is not what was acknowledged: ${differences(statuses, expected)}`);
    // Not of the epoch: a hall in which nothing has happened since its shard moved has told nobody of the new one.
    const isBehind = ({ shown }: Viewer): boolean => shown === undefined || shown.seq < seq;
    const end = performance.now() + VIEWERS_MS;
    while (viewers.some(isBehind) && performance.now() < end) await pause(POLL_MS);
    for (const { shown } of viewers) {
      if (shown?.seq !== seq || shown.checksum !== checksumOf(expected))
        this.#wrong(`${showtime}: a viewer sees (${shown?.epoch}, ${shown?.seq}), the engine is at (${epoch}, ${seq})`);
    }
  }

  async #seats(showtime: ShowtimeId): Promise<{ seq: number; epoch: number; statuses: string }> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#rest.seats(showtime).catch(() => undefined);
      if (answer?.statuses !== undefined) return answer;
      if (performance.now() > end) throw new Error(`${showtime} cannot be read`);
      await pause(POLL_MS);
    }
  }

  async #checkJournal({ showtime, buyers }: Hall, expected: Uint8Array): Promise<void> {
    let state: Awaited<ReturnType<typeof recover>>["state"];
    try {
      ({ state } = await recover(this.#journal, shardOf(showtime, SHARDS), () => undefined));
    } catch (error) {
      if (!(error instanceof JournalDamaged)) throw error;
      return this.#wrong(`the journal is damaged: ${error.message}`);
    }
    const hall = state.showtimes.get(showtime);
    if (hall === undefined || viewOf(hall).checksum !== checksumOf(expected))
      this.#wrong(`${showtime}: the journal is not what was acknowledged`);
    for (const { person, holds } of buyers) {
      for (const { holdId, seats } of holds.values()) {
        // The casts: ids as the engine gave them.
        const found = findHold(hall, person.userId as HolderId, holdId as HoldId, state.at);
        const wanted = [...seats].sort((a, b) => a - b).join();
        if (found.type !== "hold") this.#wrong(`hold ${holdId} was acknowledged and is gone: ${found.code}`);
        else if (found.seats.join() !== wanted) this.#wrong(`hold ${holdId} has ${found.seats.join()}, not ${wanted}`);
      }
    }
  }

  async #checkBookedSeats({ showtime }: Hall, booked: readonly number[]): Promise<void> {
    const { rows } = await this.#pool.query<{ seat: number }>(
      "SELECT seat FROM engine.booked_seat WHERE showtime_id = $1",
      [showtime],
    );
    const ascending = (seats: readonly number[]): string => [...seats].sort((a, b) => a - b).join();
    const [found, wanted] = [ascending(rows.map(({ seat }) => seat)), ascending(booked)];
    if (found !== wanted) this.#wrong(`${showtime}: booked_seat has ${found}, and sold were ${wanted}`);
  }

  /** Nobody wrote who had been replaced: a shard's rows follow each other, and their epochs only rise. */
  async #checkEpochs(): Promise<void> {
    const { rows } = await this.#pool.query<{ shard: number; seq: string }>(
      `SELECT shard, seq FROM (
         SELECT shard, seq, epoch, lag(epoch) OVER w AS epoch_before, lag(seq) OVER w AS seq_before
         FROM engine.journal WINDOW w AS (PARTITION BY shard ORDER BY seq)
       ) AS row WHERE epoch < epoch_before OR seq <> seq_before + 1 ORDER BY shard, seq LIMIT 5`,
    );
    for (const { shard, seq } of rows)
      this.#wrong(`row ${seq} of shard ${shard} is of a writer that had been replaced`);
  }

  async #comesTrue(what: string, wanted: string, look: () => Promise<string>): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await look();
      if (found === wanted) return;
      if (performance.now() > end) return this.#wrong(`${what}: ${found} instead of ${wanted}`);
      await pause(POLL_MS);
    }
  }
}

function differences(statuses: string, expected: Uint8Array): string {
  const seats = [...expected.keys()].filter((seat) => statuses[seat] !== String(expected[seat]));
  const some = seats.slice(0, 5).map((seat) => `${seat} is ${statuses[seat]}, not ${expected[seat]}`);
  return `${seats.length} seats: ${some.join("; ")}`;
}
