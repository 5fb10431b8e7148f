import type { Pool } from "pg";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Config } from "../../../platform/config/index.ts";
import type { EventStream } from "../../../platform/events/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { inTime, lookedUpGauge, type Registry } from "../../../platform/metrics/index.ts";
import { isLoopback } from "../../../platform/network/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { EVENT_NAMES } from "../../../proto/index.ts";
import type { Routes } from "../../../platform/http/index.ts";
import { AddressGuard, type Resolve } from "./address-guard.ts";
import { Deliveries } from "./deliveries.ts";
import { Endpoints } from "./endpoints.ts";
import { webhookRoutes } from "./routes.ts";
import { WEBHOOKS_SCHEMA, type WebhookTables } from "./tables.ts";
import { Worker } from "./worker.ts";

export interface WebhooksOptions {
  /** Its database's schema `notifications` is to have `webhookMigrations` before `start` is called. */
  readonly pool: Pool;
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly config: Pick<Config, "webhookPrivateAddresses" | "host">;
  readonly metrics: Registry;
  /** How names are looked up; the system's way when left out. */
  readonly resolve?: Resolve;
}

export interface Webhooks {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Tells integrators of events over HTTP. */
export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { stream, clock, random, log, config, metrics } = options;
  const db = createDatabase<WebhookTables>(options.pool).withSchema(WEBHOOKS_SCHEMA);
  const guard = new AddressGuard({
    allowPrivate: config.webhookPrivateAddresses ?? isLoopback(config.host),
    ...(options.resolve && { resolve: options.resolve }),
    clock,
  });
  const endpoints = new Endpoints({ db, guard, clock, random });
  const deliveries = new Deliveries({ db, clock, random });
  const worker = new Worker({ deliveries, guard, clock, log });
  lookedUpGauge({
    registry: metrics,
    name: "usher_webhooks_failing",
    help: "Integrators' webhooks whose deliveries fail, or that were disabled for it",
    read: inTime({ clock, log }, () => endpoints.countFailing()),
  });
  let consumer: { close(): Promise<void> } | undefined;

  return {
    routes: webhookRoutes({ endpoints, deliveries, clock, random, nudge: () => worker.nudge() }),

    async start() {
      consumer = stream.consume({
        name: "webhooks",
        types: EVENT_NAMES,
        handle: async (event) => {
          if (await deliveries.addForAll(event)) worker.nudge();
        },
      });
      worker.start();
    },

    async stop() {
      await consumer?.close();
      await worker.stop();
    },
  };
}
