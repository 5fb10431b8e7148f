import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { pino } from "pino";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import type { EventStream } from "../../../platform/events/index.ts";
import { createMetrics } from "../../../platform/metrics/index.ts";
import { freePorts } from "../../../platform/network/index.ts";
import { createDatabase, createPool, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { until } from "../../../platform/testing/until.ts";
import type { DomainEvent, Endpoint } from "../../../proto/index.ts";
import {
  CAPTURE_PAYMENT,
  PAYMENT_CHANGED,
  type Payment,
  type PaymentStart,
  type PaymentState,
  READ_PAYMENT,
  REFUND_PAYMENT,
  type ServiceAnswer,
  START_PAYMENT,
  VOID_PAYMENT,
} from "../../../proto/services/index.ts";
import { testServer } from "../../../platform/http/testing.ts";
import {
  createMockGatewayServer,
  createPaymentsService,
  MOCK_GATEWAY_SCHEMA,
  type MockGatewayServer,
  mockGatewayMigrations,
  PAYMENTS_SCHEMA,
  paymentsMigrations,
  type PaymentsOptions,
  type PaymentsService,
} from "../index.ts";
import { MortalClock } from "./mortal-clock.ts";

const log = pino({ level: process.env["LOG_LEVEL"] ?? "silent" });
const BUS_TIMEOUT_MS = 20_000;

/** One process that runs the service, as bookings and the gateway see it. */
export interface Process {
  readonly service: PaymentsService;
  readonly clock: MortalClock;
  readonly bus: InProcessBus;
  /** What it told its event stream. */
  readonly events: DomainEvent[];
  /** `PAYMENT_CHANGED`, as they came. */
  readonly changes: { readonly paymentId: string; readonly state: PaymentState }[];
  /** Its REST port's; empty in a shop without webhooks. */
  readonly url: string;
  start(wish: Partial<PaymentStart> & Pick<PaymentStart, "paymentId">): Promise<ServiceAnswer<Payment>>;
  read(paymentId: string, refresh?: boolean): Promise<ServiceAnswer<Payment>>;
  capture(paymentId: string, amount?: number): Promise<ServiceAnswer<Payment>>;
  void(paymentId: string): Promise<ServiceAnswer<Payment>>;
  refund(paymentId: string, refundId: string, amount: number): Promise<ServiceAnswer<Payment>>;
  /** Waits until the payment is in that state. */
  becomes(paymentId: string, state: PaymentState): Promise<Payment>;
  /** As SIGKILL: nothing of it goes on, and nothing is tidied up. */
  kill(): Promise<void>;
}

export interface Shop {
  readonly pool: Pool;
  readonly dataDir: string;
  readonly gateway: MockGatewayServer;
  readonly gatewayClock: ShiftedClock;
  /** Starts another process on the same database; the gateway's webhooks go to the newest. */
  open(options?: Partial<PaymentsOptions>): Promise<Process>;
  /** The gateway is killed, and started again on the same books and port. */
  restartGateway(): Promise<void>;
  /** Every process that is still open. */
  closeProcesses(): Promise<void>;
  close(): Promise<void>;
}

export const PRICE = { amount: 2_400, currency: "EUR" };

/** PostgreSQL, the mock gateway over HTTP, and as many processes of the service as a test opens. */
export async function testShop({ webhooks = true }: { webhooks?: boolean } = {}): Promise<Shop> {
  const database = await testDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), "usher-payments-"));
  const pool = createPool({ connectionString: database.url, max: 10, name: "payments-test", log });
  await migrate(createDatabase(pool), PAYMENTS_SCHEMA, paymentsMigrations);
  await migrate(createDatabase(pool), MOCK_GATEWAY_SCHEMA, mockGatewayMigrations);
  let webhookUrl: string | undefined;
  const gatewayClock = new ShiftedClock();
  const [port = 0] = await freePorts(1);
  const newGateway = () =>
    createMockGatewayServer({
      pool,
      clock: gatewayClock,
      random: systemRandom,
      log,
      config: { host: "127.0.0.1", dataDir, mockGatewayPort: port },
      webhookUrl: () => webhookUrl,
    });
  let gateway = newGateway();
  await gateway.start();
  const opened: { close(): Promise<void> }[] = [];

  async function open(options: Partial<PaymentsOptions> = {}): Promise<Process> {
    const clock = new MortalClock();
    const bus = new InProcessBus({ clock, log, encode: true });
    const events: DomainEvent[] = [];
    const stream: EventStream = {
      async publish(event) {
        events.push(event);
      },
      consume: () => ({ close: () => Promise.resolve() }),
    };
    const ownPool = createPool({ connectionString: database.url, max: 9, name: "payments-process", log });
    const service = createPaymentsService({
      pool: ownPool,
      bus,
      stream,
      clock,
      random: systemRandom,
      log,
      metrics: createMetrics("test", { ofProcess: false }),
      config: { dataDir, mockPayments: true, stripeApiUrl: "https://stripe.invalid" },
      mockGatewayUrl: () => gateway.url,
      ...options,
    });
    const http = webhooks ? await listen(service) : undefined;
    await service.start();
    if (http !== undefined) webhookUrl = `${http.url}/api/v1/payments/webhooks/mock`;
    const changes: Process["changes"] = [];
    bus.subscribe(PAYMENT_CHANGED, (change) => void changes.push(change));

    const ask = <Question>(endpoint: Endpoint<Question, ServiceAnswer<Payment>>, question: Question) =>
      bus.request(endpoint, question, { timeoutMs: BUS_TIMEOUT_MS });
    let alive = true;
    const end = async (work: () => Promise<void>): Promise<void> => {
      if (!alive) return;
      alive = false;
      await work();
      await http?.close();
    };
    const started: Process = {
      service,
      clock,
      bus,
      events,
      changes,
      url: http?.url ?? "",
      start: (wish) =>
        ask(START_PAYMENT, {
          bookingId: `bk_${wish.paymentId}`,
          userId: "u_ada",
          method: "mock",
          token: "tok_ok",
          amount: PRICE,
          payBy: new Date(clock.now() + 3e5).toISOString(),
          description: "2 seats, <Späti & Söhne>",
          ...wish,
        }),
      read: (paymentId, refresh = false) => ask(READ_PAYMENT, { paymentId, refresh }),
      capture: (paymentId, amount = PRICE.amount) => ask(CAPTURE_PAYMENT, { paymentId, amount }),
      void: (paymentId) => ask(VOID_PAYMENT, { paymentId, reason: "Too late." }),
      refund: (paymentId, refundId, amount) =>
        ask(REFUND_PAYMENT, { paymentId, refundId, amount, reason: "Cancelled by the buyer." }),
      becomes: (paymentId, state) =>
        until(async () => {
          const answer = await ask(READ_PAYMENT, { paymentId, refresh: false });
          return answer.ok && answer.value.state === state ? answer.value : undefined;
        }, `${paymentId} becomes ${state}`),
      kill: () =>
        end(async () => {
          clock.die();
          breakConnections(ownPool);
        }),
    };
    opened.push({
      close: () =>
        end(async () => {
          await service.stop();
          await bus.close();
          await ownPool.end();
        }),
    });
    return started;
  }

  const closeProcesses = async (): Promise<void> => {
    for (const each of opened.splice(0)) await each.close();
  };

  return {
    pool,
    dataDir,
    gatewayClock,
    open,
    closeProcesses,
    get gateway() {
      return gateway;
    },
    async restartGateway() {
      await gateway.stop();
      gateway = newGateway();
      await gateway.start();
    },
    async close() {
      await closeProcesses();
      await gateway.stop();
      await pool.end();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function listen({ routes }: PaymentsService): Promise<{ url: string; close(): Promise<void> }> {
  const server = await testServer();
  await server.app.register(routes, { prefix: "/api/v1" });
  const url = await server.app.listen({ host: "127.0.0.1", port: 0 });
  return { url, close: () => server.close() };
}

/** Every query under way fails, and every later one. Whoever waits for time to pass keeps a connection: nobody waits for that. */
function breakConnections(pool: Pool): void {
  void pool.end();
  // The pool has no public way to break what is in use.
  const { _clients: clients } = pool as unknown as { _clients: { connection: { stream: { destroy(): void } } }[] };
  for (const client of Array.from(clients)) client.connection.stream.destroy();
}
