import type { Pool } from "pg";
import type { Clock } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { Command, Query, Reply } from "../../proto/index.ts";
import type { Routes } from "../http/index.ts";
import { CatalogReader } from "./catalog-reader.ts";
import { loadDemo } from "./demo/load-demo.ts";
import { catalogRoutes } from "./routes.ts";
import { ShowtimeOpener } from "./showtime-opener.ts";
import { CATALOG_SCHEMA, type CatalogTables } from "./store/tables.ts";

export interface CatalogOptions {
  /** Of a database whose schema `catalog` is migrated when `start` is called. */
  readonly pool: Pool;
  readonly engine: { ask(request: Command | Query): Promise<Reply> };
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether an empty catalogue is filled with the demo. */
  readonly demo: boolean;
}

export interface CatalogService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  /** Opens the showtimes in the background; the first time of all it settles when the engine sells every one. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What is shown, where and when, with which seats at which prices. */
export function createCatalogService({ pool, engine, clock, log, demo }: CatalogOptions): CatalogService {
  const db = createDatabase<CatalogTables>(pool).withSchema(CATALOG_SCHEMA);
  const reader = new CatalogReader({ db, clock });
  const opener = new ShowtimeOpener({ db, engine, clock, log });
  return {
    routes: catalogRoutes({ reader, engine }),
    async start() {
      const first = demo && (await loadDemo(db, clock));
      if (first) log.info("the demo catalogue is loaded");
      opener.wake();
      if (first) await opener.firstPass;
    },
    stop: () => opener.stop(),
  };
}
