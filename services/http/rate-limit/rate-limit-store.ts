import type rateLimit from "@fastify/rate-limit";
import type { OwnCounts, SharedCounts, WindowCount } from "./window-counts.ts";

interface Counts {
  readonly own: OwnCounts;
  readonly shared: SharedCounts | undefined;
}

type Store = rateLimit.FastifyRateLimitStore;

/**
 * The store of @fastify/rate-limit: requests are counted with those of the other processes, and where that cannot be done just now with
 * those of this process alone. There is never no limit.
 */
export class RateLimitStore implements Store {
  readonly #counts: Counts;
  readonly #prefix: string;

  /** @param prefix of the keys: a route with a limit of its own counts apart */
  constructor(counts: Counts, prefix = "") {
    this.#counts = counts;
    this.#prefix = prefix;
  }

  incr(key: string, callback: Parameters<Store["incr"]>[1], windowMs: number): void {
    const told = ({ count, leftMs }: WindowCount): void => callback(null, { current: count, ttl: leftMs });
    const { own, shared } = this.#counts;
    const name = this.#prefix + key;
    if (shared === undefined) return told(own.add(name, windowMs));
    shared.add(name, windowMs).then(told, () => told(own.add(name, windowMs)));
  }

  /** The declarations lack what is handed over. */
  child({ routeInfo }: object & { routeInfo?: { method?: string | string[]; url?: string } }): Store {
    return new RateLimitStore(this.#counts, `${String(routeInfo?.method)} ${routeInfo?.url} `);
  }
}

/** The plugin makes its store itself. */
export const rateLimitStoreOf = (counts: Counts): rateLimit.FastifyRateLimitStoreCtor =>
  class extends RateLimitStore {
    constructor() {
      super(counts);
    }
  };
