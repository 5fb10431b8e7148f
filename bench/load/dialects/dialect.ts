/**
 * How a server is spoken to, so that one generator drives them all. Frames are made once and patched in place, answers are read where they
 * lie: nothing is allocated for a command.
 */
import type { WebSocketClient } from "../web-socket.ts";

export const NO_SLOT = -1;

/** One buyer's connection, with a number of slots: each holds its own seats, then releases them, again and again. */
export interface Buyer {
  /** To be sent once the connection is there. */
  readonly greeting: readonly Uint8Array[];
  /** The slot's next command: hold if it holds nothing, else release. Valid until its answer is there. */
  next(slot: number): Uint8Array;
  /** Reads a message; answers the slot whose command it answers, `refusedSlot` of it when it was refused, else `NO_SLOT`. */
  read(bytes: Buffer, start: number, end: number, client: WebSocketClient): number;
  /** What the last refusal was for. */
  readonly refusedFor: string;
  /** Whether the slot's seats are held, so that `next` is their release. */
  holds(slot: number): boolean;
  /** Whether commands may be sent now. */
  isReady(): boolean;
}

/** The slot of a refused command, as a number of its own; the same turns it back. */
export const refusedSlot = (slot: number): number => -2 - slot;

/** A viewer's connection to one showtime. */
export interface Viewer {
  readonly greeting: readonly Uint8Array[];
  /** What a message means: `synced` once the viewer sees the hall, `changed` when `changes` would name seats. */
  read(bytes: Buffer, start: number, end: number, client: WebSocketClient): "synced" | "changed" | "other";
}

export interface BuyerOptions {
  readonly slots: number;
  readonly showtime: Showtime;
  readonly token: string;
  /** The seats of a slot. */
  seatsOf(slot: number): readonly number[];
}

/** As Usher knows it, and as peers do. */
export interface Showtime {
  readonly id: string;
  readonly index: number;
}

export type ReadChanges = (bytes: Buffer, start: number, end: number) => readonly number[];

export interface Dialect {
  /** Where a connection to the showtime is opened. */
  path(port: number, showtime: Showtime): string | Promise<string>;
  readonly protocol?: string;
  /** Whether a server tells a viewer that it is watching; else it is taken for granted. */
  readonly syncs: boolean;
  buyer(options: BuyerOptions): Buyer;
  viewer(showtime: Showtime): Viewer;
  /** Makes what reads the seats and statuses of a `changed` message, as seat * 4 + status; given each message once, in order. */
  changes(): ReadChanges;
}
