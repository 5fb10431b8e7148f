/** A buyer who speaks the arrays of `bench/peer.ts`, however a peer wraps them up. */
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import type { WebSocketClient } from "../web-socket.ts";
import { type Buyer, type BuyerOptions, NO_SLOT, refusedSlot } from "./dialect.ts";

/** How a peer wraps messages up. */
export interface Wrapping {
  frame(event: "hold" | "release", message: readonly unknown[]): Buffer;
  /** What a message is. `joined`: commands may be sent from now on. It may answer by itself, a ping for instance. */
  read(bytes: Buffer, start: number, end: number, client: WebSocketClient): "joined" | "answer" | "other";
  /** The array of an answer. */
  answer(payload: Buffer): readonly unknown[];
}

export class ArrayBuyer implements Buyer {
  readonly greeting = [];
  refusedFor = "";
  readonly #wrapping: Wrapping;
  readonly #showtime: number;
  readonly #holds: Buffer[];
  readonly #releases: (Buffer | undefined)[] = [];
  #ready = false;

  constructor(wrapping: Wrapping, { slots, showtime, seatsOf }: BuyerOptions) {
    this.#wrapping = wrapping;
    this.#showtime = showtime.index;
    this.#holds = Array.from({ length: slots }, (_, slot) =>
      wrapping.frame("hold", [CLIENT_OP.hold, slot, showtime.index, seatsOf(slot)]),
    );
  }

  isReady(): boolean {
    return this.#ready;
  }

  holds(slot: number): boolean {
    return this.#releases[slot] !== undefined;
  }

  next(slot: number): Uint8Array {
    const frame = this.#releases[slot] ?? this.#holds[slot];
    if (frame === undefined) throw new Error(`no slot ${slot}`);
    return frame;
  }

  read(bytes: Buffer, start: number, end: number, client: WebSocketClient): number {
    const meaning = this.#wrapping.read(bytes, start, end, client);
    if (meaning === "joined") this.#ready = true;
    if (meaning !== "answer") return NO_SLOT;
    const [op, slot, more] = this.#wrapping.answer(bytes.subarray(start, end)) as [number, number, unknown]; // See `SERVER_OP`.
    if (op === SERVER_OP.refused) {
      this.refusedFor = String(more);
      return refusedSlot(slot);
    }
    const release = [CLIENT_OP.release, slot, this.#showtime, more];
    this.#releases[slot] = op === SERVER_OP.held ? this.#wrapping.frame("release", release) : undefined;
    return slot;
  }
}
