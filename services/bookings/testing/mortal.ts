import pg from "pg";
import type { Bus } from "../../../platform/bus/index.ts";
import type { Engine } from "../../../platform/engine-client/index.ts";

/** As of a process that was killed: what was asked is never answered. */
const never = <T>(): Promise<T> => new Promise<T>(() => {});

/**
 * The ties of one service to the world, all of which can be cut at once, as SIGKILL does it: before or after its `nth` request to
 * PostgreSQL, to the engine or over the bus.
 */
export class Mortal {
  readonly pool: pg.Pool;
  readonly bus: Bus;
  readonly engine: Engine;
  requests = 0;
  dead = false;
  /** Settles when it dies. */
  readonly death: Promise<void>;
  #die: () => void = () => {};
  #doom: { readonly at: number; readonly when: "before" | "after" } | undefined;
  readonly #clients: pg.PoolClient[] = [];

  constructor({ url, bus, engine }: { url: string; bus: Bus; engine: Engine }) {
    this.death = new Promise((resolve) => (this.#die = resolve));
    this.pool = new pg.Pool({ connectionString: url, max: 6 });
    this.pool.on("error", () => {});
    const connect = this.pool.connect.bind(this.pool) as (...args: unknown[]) => unknown;
    // With a callback or for a promise: the dead wait in vain either way.
    Object.assign(this.pool, { connect: (...args: unknown[]) => (this.dead ? never() : connect(...args)) });
    this.pool.on("connect", (client) => {
      client.on("error", () => {});
      this.#clients.push(client);
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
      // Kysely asks with two arguments and awaits a promise.
      Object.assign(client, { query: (...args: unknown[]) => this.#pass(() => query(...args), isOfBooking(args)) });
    });
    this.engine = { ask: (request) => this.#pass(() => engine.ask(request)) };
    this.bus = {
      get isConnected() {
        return bus.isConnected;
      },
      publish: (topic, value) => bus.publish(topic, value),
      subscribe: (topic, handler, options) =>
        bus.subscribe(topic, (value) => void (this.dead || handler(value)), options),
      request: (endpoint, question, options) => this.#pass(() => bus.request(endpoint, question, options)),
      serve: (endpoint, handler, options) => bus.serve(endpoint, handler, options),
      onGap: (handler) => bus.onGap(handler),
      close: () => Promise.resolve(),
    };
  }

  /** To die at its `at`-th request from now. */
  doom(at: number, when: "before" | "after"): void {
    this.requests = 0;
    this.#doom = { at, when };
  }

  kill(): void {
    this.dead = true;
    // Its sockets break, whatever was being said over them: PostgreSQL rolls back what was not committed.
    for (const client of this.#clients)
      (client as unknown as { connection: pg.Connection }).connection.stream.destroy();
    this.#die();
  }

  async #pass<T>(work: () => Promise<T>, counts = true): Promise<T> {
    if (this.dead) return never();
    if (!counts) return work();
    this.requests++;
    const { at, when } = this.#doom ?? {};
    if (this.requests !== at) return this.#unlessDead(work());
    if (when === "after") await work().catch(() => {});
    this.kill();
    return never();
  }

  async #unlessDead<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      return this.dead ? await never() : result;
    } catch (error) {
      if (this.dead) return never();
      throw error;
    }
  }
}

/** The outbox has a life of its own, with its own tests, and so has who leads it: that asks the pool, which asks with a callback. */
const isOfBooking = (asked: readonly unknown[]): boolean =>
  typeof asked.at(-1) !== "function" && !JSON.stringify(asked[0] ?? "").includes("published_at");
