/**
 * Batches of commands as they travel between processes. An edge faces the internet, so what comes from one is not trusted: each
 * request is held against its type, and one that does not fit spoils its whole batch, which is then dropped.
 */
import { SEATS_PER_REQUEST_MAX } from "../limits.ts";
import { type Codec, plainCodec, untrustedCodec } from "../subject.ts";
import { BATCH_WEIGHT_MAX, weightOf } from "./batch-weight.ts";
import {
  type Check,
  checkedByType,
  type Fields,
  hasFields,
  isFlag,
  isId,
  isNumber,
  isObject,
  isSeats,
  isSeatsUpTo,
  isText,
  optional,
} from "../checks.ts";
import type { Command, CommandBatch, Query, SaleRules } from "./commands.ts";

type RequestType = (Command | Query)["type"];

/** As many as a buyer may name in one request. */
const isChoice = isSeatsUpTo(SEATS_PER_REQUEST_MAX);

const command = { showtime: isId, holder: isId, rid: isText };
const wish = { accessible: optional(isFlag), desk: optional(isFlag) };

/** What an edge may ask in a buyer's name. */
const BUYERS: Partial<Record<RequestType, Fields>> = {
  hold: { ...command, ...wish, seats: isChoice },
  "hold-best": { ...command, ...wish, count: isNumber, category: optional(isText), split: optional(isFlag) },
  extend: { ...command, hold: isText },
  release: { ...command, hold: isText, seats: optional(isChoice) },
  view: { showtime: isId, recent: optional(isFlag) },
  "get-hold": { showtime: isId, holder: isId, hold: isText },
};

/** Every rule of a sale; the core looks at what the numbers say. */
const RULES: Record<keyof SaleRules, Check> = {
  salesStartAt: isNumber,
  salesEndAt: isNumber,
  showEndsAt: isNumberIfAny,
  orphan: (value) => value === "none" || value === "lenient" || value === "strict",
  accessibleRelease: isRelease,
  version: isNumberIfAny,
};
const isRules = hasFields(RULES);

/** What services may ask: all there is. */
const SELLERS: Record<RequestType, Fields> = {
  ...(BUYERS as Record<keyof typeof BUYERS, Fields>), // The rest follows.
  open: { ...command, plan: isPlan, rules: isRules },
  amend: { ...command, rules: isRules },
  close: command,
  pin: { ...command, hold: isText, booking: isId },
  confirm: { ...command, hold: isText, booking: isId, seats: isSeats, reacquire: isFlag },
  cancel: { ...command, booking: isId, seats: optional(isSeats) },
  block: { ...command, seats: isSeats },
  unblock: { ...command, seats: isSeats },
};

export const buyersBatchCodec: Codec<CommandBatch> = batchCodec(BUYERS, untrustedCodec());
export const sellersBatchCodec: Codec<CommandBatch> = batchCodec(SELLERS, plainCodec());

function batchCodec(types: Partial<Record<string, Fields>>, { encode, decode }: Codec<unknown>): Codec<CommandBatch> {
  return {
    encode,
    decode(bytes) {
      const batch = decode(bytes) as Partial<Record<"requests", unknown>> | null;
      const requests: unknown = batch?.requests;
      if (!Array.isArray(requests)) throw new TypeError("not a batch of requests");
      let weight = 0;
      for (const request of requests as unknown[]) {
        // The cast: it has just been held against its type.
        weight += weightOf(checkedByType(request, types) as Command | Query);
        if (weight > BATCH_WEIGHT_MAX) throw new TypeError("a batch that asks for too much");
      }
      return { requests: requests as (Command | Query)[] }; // Each was held against its type.
    },
  };
}

/** The core looks at what the columns hold; here it is made sure that there are columns. */
function isPlan(value: unknown): boolean {
  if (!isObject(value)) return false;
  const plan = value as Record<string, unknown>;
  const columns = ["row", "x", "y", "category", "flags"].every((column) => ArrayBuffer.isView(plan[column]));
  const { categories } = plan;
  return (
    columns &&
    Array.isArray(categories) &&
    categories.every((category: unknown) => {
      if (!isObject(category)) return false;
      const { id, focalX, focalY } = category as Record<string, unknown>;
      return typeof id === "string" && isNumber(focalX) && isNumber(focalY);
    })
  );
}

/** Unlike what is `optional`, no nil: within the rules it would stay. */
function isNumberIfAny(value: unknown): boolean {
  return value === undefined || isNumber(value);
}

function isRelease(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { when, ms } = value as Record<string, unknown>;
  return when === "always" || when === "never" || (when === "before-end" && isNumber(ms));
}
