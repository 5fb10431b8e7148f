import type { HoldId, ShowtimeId } from "../proto/index.ts";
import type { Answered } from "./requests.ts";

export interface Hold {
  readonly holdId: HoldId;
  readonly showtime: ShowtimeId;
  readonly seats: readonly number[];
  /** On the client's monotonic clock (`UsherClient.now`), never later than the server's own deadline. */
  readonly expiresAt: number;
}

export interface Extension {
  readonly holdId: HoldId;
  readonly expiresAt: number;
}

export function toHold({ answer, sentAt }: Answered): Hold {
  if (answer.op !== "held") throw mismatch(answer.op);
  const { holdId, showtime, seats, expiresInMs } = answer;
  return { holdId, showtime, seats, expiresAt: sentAt + expiresInMs };
}

export function toExtension({ answer, sentAt }: Answered): Extension {
  if (answer.op !== "extended") throw mismatch(answer.op);
  return { holdId: answer.holdId, expiresAt: sentAt + answer.expiresInMs };
}

/** `Requests` lets through only the answer that fits the question. */
const mismatch = (op: string): Error => new TypeError(`${op} answers another request`);
