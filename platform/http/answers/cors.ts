import cors from "@fastify/cors";
import type { FastifyInstance, FastifyReply } from "fastify";
import { PREFLIGHT_MAX_AGE_S } from "../limits.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"];
const EXPOSED_HEADERS =
  "etag, location, x-request-id, retry-after, idempotency-replayed, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset";

/**
 * Lets pages of these origins read our answers. The library answers preflights, in a context of its own: its hook would take longer than all
 * others together for every answer, most of which name no origin.
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  const allowed = new Set(origins);
  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin !== undefined && allowed.has(origin)) {
      void reply.header("access-control-allow-origin", origin).header("access-control-expose-headers", EXPOSED_HEADERS);
    }
    done();
  });
  await app.register(async (preflights) => {
    await preflights.register(cors, {
      origin: [...origins],
      methods: METHODS,
      exposedHeaders: EXPOSED_HEADERS,
      maxAge: PREFLIGHT_MAX_AGE_S,
      strictPreflight: false,
    });
  });
}

/** The answer differs with this header of the request too. */
export function varyOn(reply: FastifyReply, header: string): void {
  const known = reply.getHeader("vary");
  void reply.header("vary", known === undefined ? header : `${String(known)}, ${header}`);
}
