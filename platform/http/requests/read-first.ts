import type { preHandlerHookHandler } from "fastify";
import { systemClock } from "../../clock/index.ts";
import { READ_FIRST_MAX } from "../limits.ts";

/**
 * Handles requests when all that came in the same loop turn are read, bodies too. To read one and answer it, then the next, takes a third more
 * CPU for a small answer (docs/performance-log.md). Turns are those of the sockets, whichever clock the server has.
 */
export function readFirst(): preHandlerHookHandler {
  let read: (() => void)[] = [];
  const goOn = (): void => {
    const all = read;
    read = [];
    for (const next of all) next();
  };
  return (_request, _reply, done) => {
    const count = read.push(done);
    if (count === READ_FIRST_MAX) goOn();
    else if (count === 1) systemClock.endOfTurn(goOn);
  };
}
