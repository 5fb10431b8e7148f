import type { Kysely } from "kysely";
import type { Pool } from "pg";
import { type Bus, serving, type Subscription } from "../../platform/bus/index.ts";
import { type Clock, every, type Timer } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import { type EventStream, Inbox, Outbox } from "../../platform/events/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import { TICKETS_PDF, WITHDRAW_TICKETS } from "../../proto/services/index.ts";
import type { Routes } from "../../platform/http/index.ts";
import { TicketKeyRing } from "./code/key-ring.ts";
import { TicketDesk } from "./desk.ts";
import { FollowQueue } from "./follow-queue.ts";
import { FOLLOWED_EVENTS, TicketFollower } from "./follower.ts";
import { Gate } from "./gate.ts";
import { KEYS_READ_EVERY_MS } from "./limits.ts";
import { Peers } from "./peers.ts";
import { hasSystemFont } from "./print/index.ts";
import { ticketKeysRoute, ticketRoutes } from "./routes.ts";
import { TICKETS_SCHEMA, type TicketTables } from "./tables.ts";
import { Withdrawals } from "./withdrawals.ts";

interface TicketsOptions {
  /** Its database's schema `tickets` is to be migrated before `start` is called. */
  readonly pool: Pool;
  readonly bus: Bus;
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly config: Pick<Config, "dataDir">;
}

export interface TicketsService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  /** At the root: `/.well-known/ticket-keys.json`. */
  readonly wellKnown: Routes;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const KEYS_LOST =
  "DATA_DIR/keys/tickets.json was gone and is made anew: no ticket sold until now verifies. Put the file of before back, " +
  "or have buyers fetch their tickets again (docs/guides/operating.md, Backup and restore)";

const hasTickets = async (db: Kysely<TicketTables>): Promise<boolean> =>
  (await db.selectFrom("ticket").select("id").where("voided_at", "is", null).limit(1).executeTakeFirst()) !== undefined;

/** Tickets of confirmed bookings, and the gate that they are for. Makes or reads the signing keys at once. */
export function createTicketsService(options: TicketsOptions): TicketsService {
  const { pool, bus, stream, clock, random, log, config } = options;
  const db = createDatabase<TicketTables>(pool).withSchema(TICKETS_SCHEMA);
  const keys = new TicketKeyRing({ dataDir: config.dataDir, clock, random, log });
  const peers = new Peers({ bus });
  const inbox = new Inbox({ schema: TICKETS_SCHEMA });
  const outbox = new Outbox({
    pool,
    bus,
    stream,
    clock,
    random,
    log,
    schema: TICKETS_SCHEMA,
    source: "/usher/tickets",
  });
  const follower = new TicketFollower({ db, inbox, outbox, peers, clock, random });
  const queue = new FollowQueue({ db, follower, clock, log });
  const desk = new TicketDesk({ db, follower, keys, peers });
  const withdrawals = new Withdrawals({ db, follower, clock });
  const gate = new Gate({ db, keys, clock });
  let consuming: { close(): Promise<void> } | undefined;
  const served: Subscription[] = [];
  let keysTimer: Timer | undefined;

  return {
    routes: ticketRoutes({ desk, gate }),
    wellKnown: ticketKeysRoute(keys),

    async start() {
      if (keys.isNew && (await hasTickets(db))) log.error(KEYS_LOST);
      if (!hasSystemFont())
        log.info("there is no font for tickets beyond Western Europe's letters: see docs/guides/operating.md");
      const serve = serving(bus, log, "tickets");
      served.push(
        serve(TICKETS_PDF, async ({ bookingId }) => {
          const bytes = await desk.printFor(bookingId);
          return bytes === undefined ? null : { fileName: `tickets-${bookingId}.pdf`, bytes };
        }),
        serve(WITHDRAW_TICKETS, (question) => withdrawals.withdraw(question)),
      );
      outbox.start();
      queue.start();
      consuming = stream.consume({
        name: "tickets",
        types: FOLLOWED_EVENTS,
        async handle(event) {
          await follower.note(event);
          queue.nudge();
        },
      });
      keysTimer = every(clock, KEYS_READ_EVERY_MS, () => keys.reload());
    },

    async stop() {
      keysTimer?.cancel();
      for (const each of served.splice(0)) each.close();
      await consuming?.close();
      await queue.stop();
      await outbox.stop();
    },
  };
}
