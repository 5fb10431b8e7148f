import type { FastifyInstance } from "fastify";

/** A connection that was in use when the idle ones were closed ends with its answer: else it would stay for as long as it may be idle. */
export function endConnectionsWhileClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (closing) void reply.header("connection", "close");
    done();
  });
}
