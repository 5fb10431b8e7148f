import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { pino } from "pino";
import { systemClock, type Timer } from "../../../platform/clock/index.ts";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { DeadLetters, EVENTS_SCHEMA, eventsMigrations, InProcessEventStream } from "../../../platform/events/index.ts";
import { testEvent } from "../../../platform/events/testing.ts";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { createDatabase, migrate } from "../../../platform/postgres/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { portOf } from "../../../platform/testing/port-of.ts";
import type { DomainEvent } from "../../../proto/index.ts";
import type { RegisterWebhookBody, WebhookDelivery, WebhookRegistered } from "../../../proto/rest/index.ts";
import { as, testServer } from "../../../platform/http/testing.ts";
import { createWebhooks, type Webhooks, type WebhooksOptions } from "./index.ts";
import { webhookMigrations } from "./migrations.ts";

/** Real time that can be put forward. Polls come quickly; longer waits, such as for an answer, end when the test says so. */
class HurriedClock extends ShiftedClock {
  readonly #waits = new Set<() => void>();

  override after(ms: number, callback: () => void): Timer {
    if (ms <= 1_000) return super.after(20, callback);
    this.#waits.add(callback);
    return { cancel: () => void this.#waits.delete(callback) };
  }

  endWaits(): void {
    const callbacks = [...this.#waits];
    this.#waits.clear();
    for (const callback of callbacks) callback();
  }
}

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders & Record<string, string>;
  readonly body: string;
}

/** An integrator's server. What it does once it has read a request can be changed at any time. */
export class Receiver {
  readonly requests: Received[] = [];
  answer: RequestListener = (_request, response) => void response.writeHead(204).end();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const headers = request.headers as Received["headers"];
        this.requests.push({ url: request.url ?? "", headers, body: Buffer.concat(chunks).toString() });
        this.answer(request, response);
      });
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  async listen(port = 0): Promise<this> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    return portOf(this.#server);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Everything real: PostgreSQL, the stream, the API and the receivers. */
export async function testWebhooks(changes: Partial<WebhooksOptions> = {}) {
  const log = pino({ level: "silent" });
  const clock = new HurriedClock();
  const { app, pool, close } = await testServer({ clock });
  await migrate(createDatabase(pool), "notifications", webhookMigrations);
  await migrate(createDatabase(pool), EVENTS_SCHEMA, eventsMigrations);
  const deadLetters = new DeadLetters({ pool, clock: systemClock });
  const stream = new InProcessEventStream({ clock: systemClock, log, deadLetters });
  const config = { host: "127.0.0.1" };
  const metrics = createMetrics("test", { ofProcess: false });
  const options = { pool, stream, clock, random: systemRandom, log, config, metrics, ...changes };
  const webhooks = createWebhooks(options);
  await app.register(webhooks.routes, { prefix: "/api/v1" });
  const running: Webhooks[] = [];
  const receivers: Receiver[] = [];

  async function start(more: Webhooks = webhooks): Promise<void> {
    await more.start();
    running.push(more);
  }

  const call = (
    method: "GET" | "POST" | "PUT" | "DELETE",
    url: string,
    payload?: object,
    headers = as("root", "admin"),
  ) => app.inject({ method, url: `/api/v1${url}`, headers, ...(payload && { payload }) });

  return {
    clock,
    pool,
    stream,
    webhooks,
    call,
    /** Another process, of which the test may do what it likes. */
    another: () =>
      createWebhooks({
        ...options,
        stream: new InProcessEventStream({ clock: systemClock, log, deadLetters }),
        metrics: createMetrics("test", { ofProcess: false }),
      }),
    start,

    async receiver(port?: number): Promise<Receiver> {
      const receiver = await new Receiver().listen(port);
      receivers.push(receiver);
      return receiver;
    },

    async register(url: string, body: Partial<RegisterWebhookBody> = {}): Promise<WebhookRegistered> {
      const response = await call("POST", "/webhooks", { url, types: ["user.deleted"], ...body });
      if (response.statusCode !== 201) throw new Error(`registering was refused: ${response.body}`);
      return response.json<WebhookRegistered>();
    },

    async deliveries(id: string): Promise<WebhookDelivery[]> {
      return (await call("GET", `/webhooks/${id}/deliveries`)).json<{ items: WebhookDelivery[] }>().items;
    },

    /** Tells of users that were deleted, and gives the events. */
    async tell(...userIds: string[]): Promise<DomainEvent[]> {
      const events = userIds.map((userId) => testEvent("user.deleted", userId, { userId }));
      await Promise.all(events.map((event) => stream.publish(event)));
      return events;
    },

    async close() {
      clock.endWaits();
      await stream.stop();
      for (const receiver of receivers) await receiver.close();
      for (const each of running) await each.stop();
      await close();
    },
  };
}

export type TestWebhooks = Awaited<ReturnType<typeof testWebhooks>>;
