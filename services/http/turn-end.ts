import { validateHeaderValue } from "node:http";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";

interface Answer {
  readonly reply: FastifyReply;
  readonly send: () => void;
}

/**
 * What one turn of the loop has answered is written when the turn ends, one answer behind another. Written one by one between the requests,
 * each write wakes whoever reads at the other end, who has read it and sleeps again before the next comes: waking it took longer than
 * all the rest of a small answer.
 */
export function answerAtTurnEnd(app: FastifyInstance): void {
  let waiting: Answer[] = [];
  let closing = false;
  app.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  const sendAll = (): void => {
    const ready = waiting;
    waiting = [];
    for (const answer of ready) {
      // Else a connection that was in use when the idle ones were closed would stay, for as long as it may be idle.
      if (closing) void answer.reply.header("connection", "close");
      trySend(answer);
    }
  };
  app.addHook("onSend", (_request, reply, payload, done) => {
    // Fastify listens to a stream only when it sends it, and then learns of what went wrong before.
    if (payload instanceof Readable) payload.once("error", () => undefined);
    // Not the clock's turn: this is about sockets, and a clock that stands still must not hold answers back.
    if (waiting.push({ reply, send: done }) === 1) setImmediate(sendAll);
  });
}

/** One that cannot be sent must not keep the others from it: it becomes an error as a rule, and the end of its connection at worst. */
function trySend({ reply, send }: Answer): void {
  try {
    send();
  } catch (error) {
    const refused = headersRefused(reply);
    for (const name of refused) void reply.removeHeader(name);
    if (refused.length === 0 || reply.raw.headersSent) reply.raw.destroy();
    else void reply.send(error);
  }
}

/** Those whose values Node does not write, as they would garble the answer. */
function headersRefused(reply: FastifyReply): string[] {
  return Object.entries(reply.getHeaders()).flatMap(([name, value]) => {
    try {
      for (const each of [value].flat()) validateHeaderValue(name, String(each));
      return [];
    } catch {
      return [name];
    }
  });
}
