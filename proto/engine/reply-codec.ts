/**
 * Replies and deltas as they travel between processes. What is taken for the answer may be the answer to another question, sent here by an
 * edge that was broken into, and a reader that trusts it would fail where nobody expects it to. So each is held against its type. One that
 * does not fit is dropped, and whoever asked waits on.
 */
import { checkedCodec, type Codec, plainCodec } from "../subject.ts";
import {
  checkedByType,
  checkedFields,
  type Fields,
  hasFields,
  isBytes,
  isFlag,
  isListOf,
  isNumber,
  isNumbers,
  isSeats,
  isString,
  isText,
  optional,
} from "../checks.ts";
import type { Delta, Reply } from "./commands.ts";

/** The answers to a batch, in the order of its requests. */
export interface ReplyBatch {
  readonly replies: readonly Reply[];
  /** To a batch without requests: how many shards there are. */
  readonly shards?: number;
}

const DELTA: Fields = {
  showtime: isString,
  epoch: isNumber,
  from: isNumber,
  seq: isNumber,
  changes: isNumbers,
  checksum: isNumber,
};

const REPLIES: Record<Reply["type"], Fields> = {
  held: { hold: isString, seats: isSeats, expiresInMs: isNumber },
  extended: { hold: isString, expiresInMs: isNumber },
  released: { hold: isString },
  pinned: { hold: isString, booking: isString, seats: isSeats, expiresInMs: isNumber },
  confirmed: { booking: isString, seats: isSeats, reacquired: isFlag },
  cancelled: { booking: isString, seats: isSeats },
  done: {},
  view: { epoch: isNumber, seq: isNumber, statuses: isBytes, checksum: isNumber, recent: optional(isListOf(DELTA)) },
  hold: { hold: isString, seats: isSeats, expiresInMs: isNumber, booking: optional(isString) },
  // The code may be one that a newer engine has.
  refused: { code: isText, message: isString, seats: optional(isSeats), retryInMs: optional(isNumber) },
};

const plain = plainCodec<unknown>();

export const repliesCodec: Codec<ReplyBatch> = {
  encode: (batch) => plain.encode(batch),
  decode(bytes) {
    const batch = checkedFields(plain.decode(bytes), { shards: optional(isNumber) }, "a batch of replies");
    const { replies } = batch as Partial<Record<"replies", unknown>>;
    if (!Array.isArray(replies)) throw new TypeError("not a batch of replies");
    for (const reply of replies as unknown[]) checkedByType(reply, REPLIES);
    return batch as ReplyBatch; // Each was held against its type.
  },
};

export const deltaCodec: Codec<Delta> = checkedCodec(hasFields(DELTA));
