/** The way of the events of bookings to those who write mails, as PostgreSQL sees it. */
import type { Pool } from "pg";
import { createPool } from "../../platform/postgres/index.ts";
import { log } from "./world.ts";

/** Also who hears of them is called so. */
const CONSUMER = "notifications";

export class EventsWatch {
  readonly #pool: Pool;

  constructor(databaseUrl: string) {
    this.#pool = createPool({ connectionString: databaseUrl, max: 1, name: "events-watch", log });
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  /** From which port the process that takes them is connected. */
  async leadersPort(): Promise<number | undefined> {
    const { rows } = await this.#pool.query<{ port: number }>(
      `SELECT client_port AS port FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE locktype = 'advisory' AND objsubid = 1 AND granted
         AND (classid::bigint << 32) | objid::bigint = hashtextextended($1, 0)`,
      [`usher.consumer.${CONSUMER}`],
    );
    return rows[0]?.port;
  }

  /** The newest event that is written and may be to be told yet. */
  async lastWritten(): Promise<string> {
    const { rows } = await this.#pool.query<{ last: string }>(
      "SELECT coalesce(max(id), 0)::text AS last FROM bookings.outbox",
    );
    return rows[0]?.last ?? "0";
  }

  /** Whether they have heard of a booking that was confirmed after that event. */
  async hasToldSince(last: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `SELECT FROM bookings.outbox JOIN notifications.inbox ON event_id = event ->> 'id' AND consumer = $1
       WHERE outbox.id > $2 AND type = 'booking.confirmed' LIMIT 1`,
      [CONSUMER, last],
    );
    return rowCount === 1;
  }
}
