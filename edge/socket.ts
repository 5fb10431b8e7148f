/** A WebSocket as the rest of the edge sees it; `websocket-server.ts` makes them. */
import type { CLOSE_CODES } from "../proto/index.ts";
import type { Encoding } from "../proto/ws/index.ts";
import type { Frame } from "./encoding.ts";

export type CloseCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];

export interface Socket {
  readonly encoding: Encoding;
  /** The client's network: an IPv4 address, or the first half of an IPv6 address. */
  readonly address: string;
  /** False when too much waits for this reader already: the frame was dropped. */
  send(frame: Frame): boolean;
  /** Several frames in one write; false when any of them was dropped. */
  sendAll(frames: readonly Frame[]): boolean;
  /** Bytes that wait for the reader. */
  backlog(): number;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  close(why: CloseCode): void;
}

/** To every socket that subscribed to `topic`, in the order of its other frames. All publishes of one loop turn leave together. */
export interface Publisher {
  publish(topic: string, frame: Frame): void;
}

/** What sockets tell. Nothing comes for a socket after `closed`. */
export interface SocketEvents<Session> {
  /** What the other calls are to be given for this socket; it cannot be used before `opened`. */
  accept(socket: Socket): Session;
  opened(session: Session): void;
  /** `data` may be read during this call only. */
  message(session: Session, data: ArrayBuffer, isBinary: boolean): void;
  /** A frame was dropped. Subscriptions must not be changed within this call. */
  dropped(session: Session): void;
  /** The reader took something of what waited. */
  drained(session: Session): void;
  closed(session: Session): void;
}
