import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";

/** A row that is about to be written: of everything before it, it is written down that it was done; of this, it is not yet. */
export interface KillPoint {
  readonly name: string;
  readonly table: string;
  readonly on: "insert" | "update" | "delete";
  /** SQL, of the row. */
  readonly when?: string;
}

const step = (record: "old" | "new", name: string): string => `${record}.steps -> 0 ->> 'do' = '${name}'`;
const becomes = (column: string, value: string): string =>
  `new.${column} = '${value}' and old.${column} is distinct from new.${column}`;

/** In about the order in which a purchase passes them: from the hold to the ticket, and to the money back. */
export const KILL_POINTS = [
  { name: "a booking is begun", table: "bookings.booking", on: "insert" },
  { name: "its hold is pinned", table: "bookings.booking", on: "update", when: step("old", "pin") },
  { name: "a payment is wanted", table: "bookings.booking", on: "update", when: step("new", "start") },
  { name: "a payment is begun", table: "payments.payment", on: "insert" },
  { name: "the gateway hears of it", table: "mock_gateway.payment", on: "insert" },
  { name: "we hear the gateway's id", table: "payments.payment", on: "update", when: "old.gateway_id is null" },
  { name: "the payment is under way", table: "bookings.booking", on: "update", when: step("new", "watch") },
  { name: "the gateway authorizes", table: "mock_gateway.payment", on: "update", when: becomes("state", "authorized") },
  { name: "its webhook comes", table: "payments.webhook", on: "insert" },
  { name: "we know it", table: "payments.payment", on: "update", when: becomes("state", "authorized") },
  { name: "the seats are to be booked", table: "bookings.booking", on: "update", when: step("new", "confirm") },
  { name: "the engine books", table: "engine.booked_seat", on: "insert" },
  {
    name: "payments hear that",
    table: "payments.payment",
    on: "update",
    when: "old.capture_wanted is null and new.capture_wanted is not null",
  },
  { name: "the gateway captures", table: "mock_gateway.payment", on: "update", when: becomes("state", "captured") },
  { name: "we know that", table: "payments.payment", on: "update", when: becomes("state", "captured") },
  { name: "the booking is confirmed", table: "bookings.booking", on: "update", when: becomes("status", "confirmed") },
  { name: "tickets are issued", table: "tickets.ticket", on: "insert" },
  { name: "a mail is due", table: "notifications.mail", on: "insert" },
  { name: "the mail is sent", table: "notifications.mail", on: "update", when: becomes("status", "sent") },
  { name: "the booking is cancelled", table: "bookings.booking", on: "update", when: becomes("status", "cancelled") },
  { name: "the engine frees the seats", table: "engine.booked_seat", on: "delete" },
  { name: "payments write the refund down", table: "payments.refund", on: "insert" },
  { name: "the gateway refunds", table: "mock_gateway.payment", on: "update", when: "new.refunded > old.refunded" },
  { name: "we know that too", table: "payments.refund", on: "update", when: becomes("state", "done") },
  {
    name: "nothing is left to do",
    table: "bookings.booking",
    on: "update",
    when: "new.status = 'cancelled' and new.steps = '[]' and old.steps <> '[]'",
  },
  {
    name: "tickets are void",
    table: "tickets.ticket",
    on: "update",
    when: "new.voided_at is not null and old.voided_at is null",
  },
] as const satisfies readonly KillPoint[];

const LOCK = 4_711;
const LOOK_EVERY_MS = 5;
/** Mails are sent when all else is done. */
const AFTER_ALL_MS = 10_000;

/** Stops whoever is about to write the row, by a trigger and a lock, until that process is dead. */
export class Trap {
  readonly #client: pg.Client;
  readonly #table: string;

  private constructor(client: pg.Client, table: string) {
    this.#client = client;
    this.#table = table;
  }

  static async set(databaseUrl: string, { table, on, when = "true" }: KillPoint): Promise<Trap> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(`select pg_advisory_lock(${LOCK})`);
    await client.query(`
      create schema if not exists kill_point;
      create or replace function kill_point.stop() returns trigger language plpgsql as $$ begin
        perform pg_advisory_xact_lock_shared(${LOCK});
        return coalesce(new, old);
      end $$;
      create trigger kill_point before ${on} on ${table} for each row when (${when}) execute function kill_point.stop();
    `);
    return new Trap(client, table);
  }

  /** Somebody is in it. @throws when nobody is, though `over` settled a while ago */
  async caught(over: Promise<unknown>): Promise<void> {
    let isOver = false;
    const after = (): void => void setTimeout(() => (isOver = true), AFTER_ALL_MS).unref();
    void over.then(after, after);
    while ((await this.#waiting()).length === 0) {
      if (isOver) {
        await this.open("written");
        throw new Error(`the purchase was over, and no such row of ${this.#table} was written`);
      }
      await pause(LOOK_EVERY_MS);
    }
  }

  /** After the kill: what was about to be written is lost, or written without its writer. */
  async open(fate: "lost" | "written"): Promise<void> {
    const pids = await this.#waiting();
    if (fate === "lost")
      await this.#client.query("select pg_terminate_backend(pid) from unnest($1::int[]) pid", [pids]);
    await this.#client.query(`select pg_advisory_unlock(${LOCK})`);
    // Waits until whoever was in it is gone.
    await this.#client.query(`drop trigger kill_point on ${this.#table}`);
    await this.#client.end();
  }

  async #waiting(): Promise<number[]> {
    const { rows } = await this.#client.query<{ pid: number }>(
      `select pid from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    return rows.map(({ pid }) => pid);
  }
}
