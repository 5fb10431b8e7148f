/** The protocol of peers that have none of their own: MessagePack arrays, see `bench/peer.ts`. The bare loop speaks it too. */
import { Packr } from "msgpackr";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { frameOf } from "../web-socket.ts";
import { type Buyer, type BuyerOptions, type Dialect, NO_SLOT, refusedSlot } from "./dialect.ts";

const packr = new Packr({ useRecords: false });

const pack = (value: readonly unknown[]): Buffer => Buffer.from(packr.pack(value));

class BenchBuyer implements Buyer {
  readonly greeting = [];
  refusedFor = "";
  readonly #holds: Buffer[] = [];
  /** By slot: what releases its hold, whose number is the last four bytes. */
  readonly #releases: Buffer[] = [];
  readonly #held: boolean[] = [];

  constructor({ slots, showtime, seatsOf }: BuyerOptions) {
    for (let slot = 0; slot < slots; slot++) {
      this.#holds.push(frameOf(pack([CLIENT_OP.hold, slot, showtime.index, seatsOf(slot)])));
      this.#releases.push(frameOf(pack([CLIENT_OP.release, slot, showtime.index, 0xffff_ffff])));
      this.#held.push(false);
    }
  }

  isReady(): boolean {
    return true;
  }

  holds(slot: number): boolean {
    return this.#held[slot] === true;
  }

  next(slot: number): Uint8Array {
    const frame = (this.#held[slot] === true ? this.#releases : this.#holds)[slot];
    if (frame === undefined) throw new Error(`no slot ${slot}`);
    return frame;
  }

  read(bytes: Buffer, start: number): number {
    const op = bytes[start + 1];
    if (op === SERVER_OP.delta) return NO_SLOT;
    let at = start + 2;
    const slot = uintAt(bytes, at);
    if (op === SERVER_OP.refused) {
      at += widthAt(bytes, at);
      this.refusedFor = shortTextAt(bytes, at);
      return refusedSlot(slot);
    }
    this.#held[slot] = op === SERVER_OP.held;
    if (op === SERVER_OP.held) {
      at += widthAt(bytes, at);
      const release = this.#releases[slot];
      release?.writeUInt32BE(uintAt(bytes, at), release.length - 4);
    }
    return slot;
  }
}

function uintAt(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return first;
  if (first === 0xcc) return bytes[at + 1] ?? 0;
  if (first === 0xcd) return bytes.readUInt16BE(at + 1);
  if (first === 0xce) return bytes.readUInt32BE(at + 1);
  throw new Error(`MessagePack type ${first.toString(16)} where a number below 2^32 was expected`);
}

function widthAt(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  return first < 0x80 ? 1 : first === 0xcc ? 2 : first === 0xcd ? 3 : 5;
}

/** A text of up to 31 characters; empty where there is none. */
function shortTextAt(bytes: Buffer, at: number): string {
  const first = bytes[at] ?? 0;
  return first >> 5 === 0b101 ? bytes.toString("latin1", at + 1, at + 1 + (first & 0x1f)) : "";
}

export const benchMsgpack: Dialect = {
  path: () => "/v1",
  syncs: false,
  buyer: (options) => new BenchBuyer(options),
  viewer: (showtime) => ({
    greeting: [frameOf(pack([CLIENT_OP.watch, showtime.index]))],
    read: (bytes, start) => (bytes[start + 1] === SERVER_OP.delta ? "changed" : "other"),
  }),
  changes: () => (bytes, start, end) => {
    const [, , changes] = packr.unpack(bytes.subarray(start, end)) as [op: number, showtime: number, number[]]; // As sent.
    return changes;
  },
};
