import type { Clock } from "../../platform/clock/index.ts";
import type { ServerMessage } from "../../proto/ws/index.ts";
import { encode } from "../encoding.ts";
import type { Session } from "./session.ts";

/** The answers of one loop turn, so that those to one connection leave in one write. */
export class TurnBuffer {
  readonly #clock: Clock;
  #sessions: Session[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(session: Session, message: ServerMessage): void {
    const frame = encode(message, session.socket.encoding);
    if (session.buffered !== undefined) {
      session.buffered.push(frame);
      return;
    }
    session.buffered = [frame];
    if (this.#sessions.push(session) === 1) this.#clock.endOfTurn(this.flush);
  }

  readonly flush = (): void => {
    const sessions = this.#sessions;
    this.#sessions = [];
    for (const session of sessions) {
      const frames = session.buffered ?? [];
      session.buffered = undefined;
      const first = frames[0];
      if (first === undefined) continue;
      if (frames.length === 1) session.sendFrame(first);
      else session.sendFrames(frames);
    }
  };
}
