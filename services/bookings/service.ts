import type { Pool } from "pg";
import { type Bus, serving, type Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import { type EventStream, Inbox, Outbox } from "../../platform/events/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { type Registry, sampledGauge } from "../../platform/metrics/index.ts";
import { Poller } from "../../platform/poller/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import { BOOKERS, BOOKING, PAYMENT_CHANGED, WAS_BOOKED } from "../../proto/services/index.ts";
import type { Routes } from "../../platform/http/index.ts";
import { Bookings } from "./bookings.ts";
import { graphqlRoutes } from "./graphql/routes.ts";
import type { Engine } from "../../platform/engine-client/index.ts";
import { Holds } from "./holds.ts";
import { ADVANCING_MAX, POLL_EVERY_MS, UNDOING_MAX } from "./limits.ts";
import { bookingRoutes } from "./rest/bookings.ts";
import { holdRoutes } from "./rest/holds.ts";
import { Saga } from "./saga/saga.ts";
import { Steps } from "./saga/steps.ts";
import { BookingStore } from "./store/store.ts";
import { BOOKINGS_SCHEMA, type BookingsTables } from "./store/tables.ts";
import { recordOf } from "./views.ts";

interface BookingsOptions {
  /** Its database's schema `bookings` is to be migrated before `start` is called. */
  readonly pool: Pool;
  readonly bus: Bus;
  readonly stream: EventStream;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly config: Pick<Config, "paymentTtlMs" | "latePaymentGraceMs">;
  readonly metrics: Registry;
}

export interface BookingsService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  /** At the root: `/graphql`. */
  readonly graphql: Routes;
  /** Finishes at once what an earlier run left open, and goes on doing so. */
  start(): Promise<void>;
  /** Lets the steps under way finish. */
  stop(): Promise<void>;
}

/** Seats on their way to a buyer: holds, bookings, and the saga that brings seats and money together. */
export function createBookingsService(options: BookingsOptions): BookingsService {
  const { pool, bus, stream, engine, clock, random, log, config, metrics } = options;
  const outbox = new Outbox({
    pool,
    bus,
    stream,
    clock,
    random,
    log,
    schema: BOOKINGS_SCHEMA,
    source: "/usher/bookings",
  });
  const inbox = new Inbox({ schema: BOOKINGS_SCHEMA });
  const store = new BookingStore({ pool, outbox });
  const saga = new Saga({
    store,
    clock,
    log,
    steps: new Steps({ engine, bus, clock, log }),
    rules: { graceMs: config.latePaymentGraceMs },
  });
  const advanceDue = async (room: number, kind: { readonly undoing: boolean }): Promise<void> => {
    const due = room > 0 ? await store.claimDue(room, clock.now(), kind) : [];
    for (const leased of due) void saga.advance(leased);
  };
  // What waited for its time, what others could not be asked for, and what a crash left open.
  const worker = new Poller({
    clock,
    log,
    what: "looking for bookings that are due",
    everyMs: POLL_EVERY_MS,
    async work() {
      if (!bus.isConnected) return false; // Nobody can be asked from here: others advance them.
      await advanceDue(ADVANCING_MAX - saga.count("due"), { undoing: false });
      await advanceDue(UNDOING_MAX - saga.count("undoing"), { undoing: true });
      return false;
    },
  });
  const holds = new Holds({ engine, bus, clock });
  const bookings = new Bookings({ store, saga, holds, bus, clock, random, config });
  const subscriptions: Subscription[] = [];
  sampledGauge({
    registry: metrics,
    name: "usher_bookings_advancing",
    help: "Bookings whose steps are being done",
    read: () => saga.advancing,
  });
  const consumers: ReturnType<EventStream["consume"]>[] = [];

  return {
    routes: async (app) => {
      await app.register(holdRoutes({ holds, random }));
      await app.register(bookingRoutes(bookings));
    },
    graphql: graphqlRoutes({ bookings, holds, bus, random }, metrics),

    async start() {
      outbox.start();
      consumers.push(
        stream.consume({
          name: "bookings",
          types: ["showtime.cancelled"],
          handle: ({ id, data }) =>
            store.callOff(data.showtimeId, (transaction) => inbox.take<BookingsTables>(transaction, "bookings", id)),
        }),
        // Another, since one of two types would be given every event there is.
        stream.consume({
          name: "bookings-buyers",
          types: ["user.deleted"],
          handle: ({ data }) => bookings.forsake(data.userId),
        }),
      );
      const serve = serving(bus, log, "bookings");
      subscriptions.push(
        serve(BOOKING, async ({ bookingId, fence = false }) => {
          const stored = await (fence ? store.fence(bookingId) : store.read(bookingId));
          return stored === undefined ? null : recordOf(stored);
        }),
        serve(BOOKERS, async ({ userIds }) => ({ booked: await store.bookersAmong(userIds) })),
        serve(WAS_BOOKED, async ({ showtimeId }) => ({
          booked: (await store.list({ showtimeId, limit: 1 })).length > 0,
        })),
        // Every process hears it: the one that has the booking in hand must.
        bus.subscribe(PAYMENT_CHANGED, ({ bookingId, state }) => {
          // What is pending or captured is so by our own asking.
          if (state !== "pending" && state !== "captured") void saga.wake(bookingId);
        }),
      );
      worker.start();
    },

    async stop() {
      for (const subscription of subscriptions.splice(0)) subscription.close();
      await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
      await worker.stop();
      await saga.stop();
      await outbox.stop();
    },
  };
}
