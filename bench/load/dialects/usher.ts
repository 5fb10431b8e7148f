/** Usher's own protocol, as proto/README.md has it, in MessagePack. */
import { decodeServerMsgpack, encodeClientMsgpack } from "../../../proto/ws/client-codec.ts";
import { OP } from "../../../proto/ws/op.ts";
import type { HoldId, RequestId, ShowtimeId } from "../../../proto/index.ts";
import { frameOf, SHORT_HEAD } from "../web-socket.ts";
import { BenchError } from "../../bench-error.ts";
import { type Buyer, type BuyerOptions, type Dialect, NO_SLOT, refusedSlot } from "./dialect.ts";

/** A request id is the slot's letter and a counter of so many digits, so that it can be counted up where it lies. */
const DIGITS = 10;
/** Digits that one connection counts up; those before them are the second in which it was opened, so that no later one repeats them. */
const OWN_DIGITS = 5;
const RID_LENGTH = 1 + DIGITS;
const FIRST_LETTER = 0x30;
const ZERO = 0x30;
const NINE = 0x39;
/** In every frame of ours with a `rid`: array header, op, string header, then the `rid`. */
const RID_AT = 3;
/** A hold id has at most this many characters; its string header is one byte below 32, two above. */
const HOLD_MAX = 64;

/** What is sent for a slot. */
interface Slot {
  readonly hold: Buffer;
  /** Around the hold id that came last. */
  release: Buffer;
  holds: boolean;
}

class UsherBuyer implements Buyer {
  readonly greeting: readonly Uint8Array[];
  refusedFor = "";
  readonly #slots: Slot[] = [];
  /** Counts up in every frame's request id: no two of this user are the same. */
  readonly #counter = Buffer.alloc(DIGITS, ZERO);
  #ready = false;

  constructor({ slots, showtime, token, seatsOf }: BuyerOptions) {
    this.greeting = [frameOf(encodeClientMsgpack({ op: "auth", token }))];
    const second = Math.floor(Date.now() / 1_000).toString();
    this.#counter.write(second.slice(OWN_DIGITS - DIGITS), "latin1");
    for (let slot = 0; slot < slots; slot++) {
      const rid = `${String.fromCharCode(FIRST_LETTER + slot)}${"0".repeat(DIGITS)}` as RequestId; // Made as ours are.
      const message = { rid, showtime: showtime.id as ShowtimeId, seats: [...seatsOf(slot)] }; // REST told it.
      this.#slots.push({
        hold: frameOf(encodeClientMsgpack({ op: "hold", ...message })),
        release: Buffer.alloc(0),
        holds: false,
      });
    }
  }

  isReady(): boolean {
    return this.#ready;
  }

  holds(index: number): boolean {
    return this.#slots[index]?.holds === true;
  }

  next(index: number): Uint8Array {
    const slot = this.#slots[index];
    if (slot === undefined) throw new Error(`no slot ${index}`);
    const frame = slot.holds ? slot.release : slot.hold;
    count(this.#counter);
    this.#counter.copy(frame, headOf(frame) + RID_AT + 1);
    return frame;
  }

  read(bytes: Buffer, start: number, end: number): number {
    const op = bytes[start + 1];
    if (op === OP.held || op === OP.released) {
      const index = (bytes[start + RID_AT] ?? 0) - FIRST_LETTER;
      const slot = this.#slots[index];
      if (slot === undefined) throw new BenchError("Usher answered a command that was never sent.");
      slot.holds = op === OP.held;
      if (slot.holds) keepHold(slot, bytes, start, index);
      return index;
    }
    if (op === OP.authed) this.#ready = true;
    else if (op === OP.error) return this.#refused(bytes.subarray(start, end));
    return NO_SLOT;
  }

  #refused(payload: Buffer): number {
    const decoded = decodeServerMsgpack(payload);
    const message = decoded.ok ? decoded.message : undefined;
    if (message?.op !== "error") throw new BenchError("Usher sent an error that does not decode.");
    if (message.rid === undefined) throw new BenchError(`Usher refused the load: ${message.code}, ${message.message}.`);
    this.refusedFor = message.code;
    return refusedSlot(message.rid.charCodeAt(0) - FIRST_LETTER);
  }
}

/** Puts the hold id of a `held` into the slot's release frame. */
function keepHold(slot: Slot, bytes: Buffer, start: number, index: number): void {
  const header = start + RID_AT + RID_LENGTH;
  const short = (bytes[header] ?? 0) >> 5 === 0b101;
  const length = short ? (bytes[header] ?? 0) & 0x1f : (bytes[header + 1] ?? 0);
  const idAt = header + (short ? 1 : 2);
  const wanted = SHORT_HEAD + RID_AT + RID_LENGTH + (idAt - header) + length;
  if (slot.release.length !== wanted) {
    const rid = `${String.fromCharCode(FIRST_LETTER + index)}${"0".repeat(DIGITS)}` as RequestId; // As above.
    const holdId = "x".repeat(Math.min(length, HOLD_MAX)) as HoldId; // Its bytes are set below.
    slot.release = frameOf(encodeClientMsgpack({ op: "release", rid, holdId }));
  }
  bytes.copy(slot.release, slot.release.length - length, idAt, idAt + length);
}

const headOf = (frame: Buffer): number => (((frame[1] ?? 0) & 0x7f) < 126 ? SHORT_HEAD : SHORT_HEAD + 2);

/** Adds one to decimal digits. */
function count(digits: Buffer): void {
  for (let at = digits.length - 1; at >= 0; at--) {
    if (digits[at] !== NINE) {
      digits[at] = (digits[at] ?? 0) + 1;
      return;
    }
    digits[at] = ZERO;
  }
}

export const usher: Dialect = {
  path: () => "/v1",
  protocol: "usher.v1.msgpack",
  syncs: true,
  buyer: (options) => new UsherBuyer(options),
  viewer: (showtime) => {
    const watch = frameOf(encodeClientMsgpack({ op: "watch", showtime: showtime.id as ShowtimeId })); // REST told it.
    return {
      greeting: [watch],
      read: (bytes, start) => {
        const op = bytes[start + 1];
        return op === OP.delta ? "changed" : op === OP.snapshot ? "synced" : "other";
      },
    };
  },
  changes: () => (bytes, start, end) => {
    const decoded = decodeServerMsgpack(bytes.subarray(start, end));
    if (!decoded.ok || decoded.message.op !== "delta") throw new BenchError("Usher sent a delta that does not decode.");
    return decoded.message.changes;
  },
};
