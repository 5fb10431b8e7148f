import { join } from "node:path";
import type { Pool } from "pg";
import type { Bus } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import { DeadLetters, type EventStream, Inbox } from "../../platform/events/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import type { Registry } from "../../platform/metrics/index.ts";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import type { Routes } from "../../platform/http/index.ts";
import { CONSUMER, Listener } from "./listener.ts";
import {
  addMailMetrics,
  FileTransport,
  MailFolder,
  MailQueue,
  type MailTables,
  type MailTransport,
  MailWorker,
  MailWriter,
  NOTIFICATIONS_SCHEMA,
  Peers,
  SmtpTransport,
} from "./mail/index.ts";
import { createWebhooks } from "./webhooks/index.ts";

export interface NotificationsOptions {
  /** Its database's schemas `notifications` and `events` are to be migrated before `start` is called. */
  readonly pool: Pool;
  readonly bus: Bus;
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly config: Pick<Config, "dataDir" | "smtpUrl" | "mailFrom" | "webhookPrivateAddresses" | "host">;
  readonly metrics: Registry;
  /** How buyers reach the page, without a slash at its end; asked when a mail is written. */
  publicUrl(): string;
}

export interface NotificationsService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Tells buyers by mail and on their open connections, and integrators by webhooks. */
export function createNotificationsService(options: NotificationsOptions): NotificationsService {
  const { pool, bus, stream, clock, random, log, metrics, publicUrl } = options;
  const db = createDatabase<MailTables>(pool).withSchema(NOTIFICATIONS_SCHEMA);
  const queue = new MailQueue({ db, clock, random });
  const writer = new MailWriter({ peers: new Peers({ bus }), publicUrl });
  const deadLetters = new DeadLetters({ pool, clock });
  const folder = new MailFolder(join(options.config.dataDir, "mail"));
  const transport = transportOf(options, folder);
  const worker = new MailWorker({ queue, writer, transport, folder, deadLetters, consumer: CONSUMER, clock, log });
  const inbox = new Inbox({ schema: NOTIFICATIONS_SCHEMA });
  const listener = new Listener({ db, inbox, queue, worker, folder, bus });
  const webhooks = createWebhooks(options);
  addMailMetrics({ registry: metrics, queue, clock, log });
  let consuming: { close(): Promise<void> } | undefined;

  return {
    routes: webhooks.routes,

    async start() {
      worker.start();
      consuming = stream.consume(listener);
      await webhooks.start();
    },

    async stop() {
      await webhooks.stop();
      await consuming?.close();
      await worker.stop();
    },
  };
}

function transportOf({ config, clock }: NotificationsOptions, folder: MailFolder): MailTransport {
  const { smtpUrl: url, mailFrom: from } = config;
  return url === undefined ? new FileTransport({ folder, from }) : new SmtpTransport({ url, from, clock });
}
