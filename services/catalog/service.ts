import type { Pool } from "pg";
import type { Bus, Subscription } from "../../platform/bus/index.ts";
import { type Clock, within } from "../../platform/clock/index.ts";
import { type EventStream, Outbox } from "../../platform/events/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import { CATALOG_CHANGED } from "../../proto/services/index.ts";
import type { Routes } from "../../platform/http/index.ts";
import { Changes } from "./admin/changes.ts";
import { CinemaDesk } from "./admin/cinema-desk.ts";
import { DroppedSeats } from "./admin/dropped-seats.ts";
import { HallDesk } from "./admin/hall-desk.ts";
import { MovieDesk } from "./admin/movie-desk.ts";
import { ShowtimeDesk } from "./admin/showtime-desk.ts";
import { serveCatalog } from "./bus-answers.ts";
import { CatalogReader } from "./catalog-reader.ts";
import { type ChangeMark, ChangeWatch } from "./cache/change-watch.ts";
import { DemoKeeper } from "./demo/demo-keeper.ts";
import type { Engine } from "../../platform/engine-client/index.ts";
import { adminRoutes, readingRoutes, showtimePageRoutes } from "./routes/index.ts";
import { SaleKeeper } from "./sale/sale-keeper.ts";
import { CATALOG_SCHEMA, type CatalogTables } from "./store/tables.ts";

interface CatalogOptions {
  /** Its database's schema `catalog` is to be migrated before `start` is called. */
  readonly pool: Pool;
  readonly bus: Bus;
  readonly stream: EventStream;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  /** Whether an empty catalogue is filled with the demo, and the demo's programme goes on from day to day. */
  readonly demo: boolean;
  /** Tells services that missed word of a change that there was one; without, they find out when what they know is too old. */
  readonly mark?: ChangeMark | undefined;
}

/** How long the first start of all waits for the engine to sell the demo's showtimes. */
const FIRST_PASS_WAIT_MS = 10_000;

export interface CatalogService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  /** Opens the showtimes in the background; the first time of all it settles when the engine sells every one. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What is shown, where and when, with which seats at which prices. */
export function createCatalogService(options: CatalogOptions): CatalogService {
  const { pool, bus, stream, engine, clock, random, log, mark } = options;
  const db = createDatabase<CatalogTables>(pool).withSchema(CATALOG_SCHEMA);
  const reader = new CatalogReader({ db, clock });
  const watch = mark && new ChangeWatch({ mark, clock, log, changed: () => reader.forget() });
  const changed = () => {
    reader.forget();
    bus.publish(CATALOG_CHANGED, null);
    watch?.renew();
  };
  const keeper = new SaleKeeper({ db, engine, bus, clock, random, log, removed: changed });
  const outbox = new Outbox({
    pool,
    bus,
    stream,
    clock,
    random,
    log,
    schema: CATALOG_SCHEMA,
    source: "/usher/catalog",
  });
  const changes = new Changes({ db, changed });
  const dropped = new DroppedSeats({ db, engine, keeper, clock, random, log });
  const desks = {
    movies: new MovieDesk({ changes, clock, random }),
    cinemas: new CinemaDesk({ db, changes, random }),
    halls: new HallDesk({ changes, dropped, random }),
    showtimes: new ShowtimeDesk({ changes, keeper, outbox, clock, random }),
  };
  const added = () => {
    changed();
    keeper.wake();
  };
  const demo = options.demo ? new DemoKeeper({ db, clock, log, added }) : undefined;
  let subscriptions: readonly Subscription[] = [];
  return {
    async routes(app, plugin) {
      await readingRoutes(reader)(app, plugin);
      await showtimePageRoutes({ reader, engine })(app, plugin);
      await adminRoutes(desks)(app, plugin);
    },
    async start() {
      const first = await demo?.start();
      outbox.start();
      subscriptions = [bus.subscribe(CATALOG_CHANGED, () => reader.forget()), ...serveCatalog({ bus, reader, log })];
      watch?.start();
      dropped.start();
      keeper.wake();
      if (first !== true) return;
      // Where no engine is up yet the showtimes are opened once there is one: nobody waits for that.
      await within(clock, FIRST_PASS_WAIT_MS, keeper.firstPass, () => undefined);
    },
    async stop() {
      for (const subscription of subscriptions) subscription.close();
      await Promise.all([demo?.stop(), keeper.stop(), dropped.stop(), outbox.stop(), watch?.stop()]);
    },
  };
}
