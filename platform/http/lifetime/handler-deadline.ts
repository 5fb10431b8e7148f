import { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import { type Clock, every } from "../../clock/index.ts";
import { Slab } from "../../slab/index.ts";
import { HANDLER_LOOK_EVERY_MS, HANDLER_TIMEOUT_MS } from "../limits.ts";
import type { NoteFailure } from "../answers/errors.ts";
import { Problem } from "../answers/problem.ts";

declare module "fastify" {
  interface FastifyReply {
    /** While a handler is at it: its key among those under way, and when it began, on the monotonic clock. */
    underWay: { readonly key: number; readonly since: number } | null;
    /** The client was answered that it took too long. */
    givenUp: boolean;
  }
}

/** @returns settles when the requests that are under way as it is called are so no more */
export type UntilAnswered = () => Promise<void>;

/**
 * Answers for handlers that take too long; what they do goes on unseen. All requests under way are looked over now and then: Fastify's own
 * `handlerTimeout` takes a timer, an `AbortController` and a listener per request, which is more than routing it.
 */
export function limitHandlers(app: FastifyInstance, clock: Clock, note: NoteFailure): UntilAnswered {
  const replies = new Slab<FastifyReply>();
  app.decorateReply("underWay", null);
  app.decorateReply("givenUp", false);
  app.addHook("onRequest", (_request, reply, done) => {
    reply.underWay = { key: replies.add(reply), since: clock.monotonic() };
    done();
  });
  let onEnd: (reply: FastifyReply) => void = () => undefined;
  const forget = (reply: FastifyReply): void => {
    if (reply.underWay !== null) replies.delete(reply.underWay.key, reply);
    reply.underWay = null;
    onEnd(reply);
  };
  app.addHook("onResponse", (_request, reply, done) => {
    forget(reply);
    done();
  });
  const timer = every(clock, HANDLER_LOOK_EVERY_MS, () => {
    const now = clock.monotonic();
    for (const reply of replies.values()) {
      const { since = now } = reply.underWay ?? {};
      const { raw } = reply.request;
      if (reply.raw.destroyed) forget(reply);
      // Who does not send the rest keeps no handler waiting: Node's own limit is for those. (An injected request is whole, and does not say so.)
      else if ("complete" in raw && !raw.complete) continue;
      else if (now - since >= HANDLER_TIMEOUT_MS) {
        forget(reply);
        giveUp(reply, note);
      }
    }
  });
  app.addHook("onClose", async () => timer.cancel());
  return () =>
    new Promise((resolve) => {
      const left = new Set(replies.values());
      onEnd = (reply) => {
        left.delete(reply);
        if (left.size === 0) resolve();
      };
      if (left.size === 0) resolve();
    });
}

/**
 * Past Fastify, to which it is as if the client had hung up: what the handler says later is heard by the hooks alone, and so still kept for
 * the request's Idempotency-Key. The connection ends with this answer, since one in use is left alone by a server that stops.
 */
function giveUp(reply: FastifyReply, note: NoteFailure): void {
  const { raw, request } = reply;
  if (reply.sent) return;
  if (raw.headersSent) {
    raw.destroy(); // It has begun, and can be nothing else any more.
    return;
  }
  const problem = new Problem("UNAVAILABLE", "The answer took too long; whether it was done is not known.");
  note(problem, problem, request);
  const body = JSON.stringify(problem.body(request.id));
  for (const [name, value = ""] of Object.entries(reply.getHeaders())) raw.setHeader(name, value);
  reply.givenUp = true;
  reply.raw = new ServerResponse(request.raw).destroy();
  reply.raw.statusCode = raw.statusCode;
  const head = { ...problem.headers(), "content-length": Buffer.byteLength(body), connection: "close" };
  raw.writeHead(problem.status, head).end(body);
}
