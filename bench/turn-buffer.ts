import type { WebSocket } from "uWebSockets.js";

/** The user data of a socket that is answered through a `TurnBuffer`. */
export interface Answered {
  /** Set when it closes: uWebSockets.js throws when a closed socket is used. */
  isGone?: boolean;
  /** What waits for `flush`. */
  frames?: Uint8Array[] | undefined;
}

/** Answers that wait, so that those to one connection leave in one write. Usher's edge does so, and limits and peers are given the same. */
export class TurnBuffer<Session extends Answered> {
  #waiting: { readonly socket: WebSocket<Session>; readonly session: Session }[] = [];

  /** @returns whether it is the first since the last `flush` */
  add(socket: WebSocket<Session>, session: Session, frame: Uint8Array): boolean {
    if (session.frames !== undefined) {
      session.frames.push(frame);
      return false;
    }
    session.frames = [frame];
    return this.#waiting.push({ socket, session }) === 1;
  }

  readonly flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { socket, session } of waiting) {
      const { isGone = false, frames = [] } = session;
      session.frames = undefined;
      if (isGone) continue;
      socket.cork(() => {
        for (const frame of frames) socket.send(frame, true);
      });
    }
  };
}
