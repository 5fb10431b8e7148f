import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../../platform/clock/index.ts";
import { HANDLER_LOOK_EVERY_MS, HANDLER_TIMEOUT_MS } from "./limits.ts";
import { Problem } from "./problem.ts";

/**
 * Answers for handlers that take too long; what they do goes on unseen. All requests under way are looked over now and then: Fastify's own
 * `handlerTimeout` takes a timer, an `AbortController` and a listener a request, which is more than routing it.
 */
export function limitHandlers(app: FastifyInstance, clock: Clock): void {
  /** With when they began, on the monotonic clock. */
  const underWay = new Map<FastifyReply, number>();
  app.addHook("onRequest", (_request, reply, done) => {
    underWay.set(reply, clock.monotonic());
    done();
  });
  app.addHook("onResponse", (_request, reply, done) => {
    underWay.delete(reply);
    done();
  });
  const look = (): void => {
    const now = clock.monotonic();
    for (const [reply, since] of underWay) {
      if (reply.raw.destroyed) underWay.delete(reply);
      else if (now - since >= HANDLER_TIMEOUT_MS) {
        underWay.delete(reply);
        giveUp(reply);
      }
    }
    timer = clock.after(HANDLER_LOOK_EVERY_MS, look);
  };
  let timer = clock.after(HANDLER_LOOK_EVERY_MS, look);
  app.addHook("onClose", async () => timer.cancel());
}

function giveUp(reply: FastifyReply): void {
  if (reply.sent) return;
  if (reply.raw.headersSent) reply.raw.destroy(); // It has begun, and can be nothing else any more.
  else void reply.send(new Problem("UNAVAILABLE", "The answer took too long; whether it was done is not known."));
}
