import type { FastifyInstance, FastifyReply, onRequestHookHandler } from "fastify";
import { networkOf } from "../../network/index.ts";
import type { OwnCounts, SharedCounts, WindowCount } from "../../window-counts/index.ts";
import { Problem } from "../answers/problem.ts";

interface Options {
  readonly own: OwnCounts;
  /** Without, each process counts its own. */
  readonly shared: SharedCounts | undefined;
  /** Requests of an address in a window. */
  readonly max: number;
  readonly windowMs: number;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Not limited at all, or by a limit of the route's own, counted apart; in the general window unless it says another. */
    rateLimit?: false | { readonly max: number; readonly windowMs?: number };
  }
  interface FastifyRequest {
    isCounted: boolean;
  }
}

/**
 * Limits the requests of an address. They are counted with those of the other processes, and where that cannot be done just now with those of
 * this process alone; there is never no limit. Counts of this process cost a request no promise: @fastify/rate-limit makes several of each,
 * which took as long as routing and reading the request together.
 *
 * @returns the limit as a hook, for what is no route
 */
export function limitRequests(app: FastifyInstance, options: Options): onRequestHookHandler {
  app.decorateRequest("isCounted", false);
  app.addHook("onRoute", (route) => {
    const special = route.config?.rateLimit;
    if (special === false) return;
    const limit =
      special === undefined ? general : limitBy({ ...options, ...special }, `${String(route.method)} ${route.url} `);
    route.onRequest = [limit, ...[route.onRequest ?? []].flat()]; // Before guards, so that those whom they refuse are counted.
  });
  const general = limitBy(options, "");
  return general;
}

/** @param prefix of the keys that it counts by */
function limitBy({ own, shared, max, windowMs }: Options, prefix: string): onRequestHookHandler {
  return (request, reply, done) => {
    if (request.isCounted) return done();
    request.isCounted = true; // A route may pass its request on to whoever says that there is nothing.
    const key = prefix + networkOf(request.ip);
    const judge = ({ count, leftMs }: WindowCount): void => done(count > max ? refusal(reply, max, leftMs) : undefined);
    if (shared === undefined) return judge(own.add(key, windowMs));
    shared.add(key, windowMs).then(judge, () => judge(own.add(key, windowMs)));
  };
}

/** Who keeps to the limit need not read of it in every answer; who does not reads how it stands. */
function refusal(reply: FastifyReply, max: number, leftMs: number): Problem {
  const reset = Math.ceil(leftMs / 1_000);
  void reply.headers({ "x-ratelimit-limit": max, "x-ratelimit-remaining": 0, "x-ratelimit-reset": reset });
  return new Problem("RATE_LIMITED", "Too many requests from this address.", {
    retryInMs: Math.max(1, Math.ceil(leftMs)),
  });
}
