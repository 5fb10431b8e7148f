/** The subjects between edges, services and engines. `proto/README.md` lists them all with who may use which. */
import { fnv1a } from "../fnv1a.ts";
import type { BookingId, HolderId, HoldId, ShowtimeId } from "../ids.ts";
import { plainCodec, type Endpoint, type Topic } from "../subject.ts";
import { buyersBatchCodec, sellersBatchCodec } from "./command-codec.ts";
import type { CommandBatch, Delta } from "./commands.ts";
import { deltaCodec, repliesCodec, type ReplyBatch } from "./reply-codec.ts";

/** What a holder learns without having asked. */
export type Notice =
  | { readonly type: "expired"; readonly holder: HolderId; readonly hold: HoldId }
  | { readonly type: "booked"; readonly holder: HolderId; readonly hold: HoldId; readonly booking: BookingId };

/** Where edges ask: only what a buyer may want. */
export const commandsTo = (shard: number): Endpoint<CommandBatch, ReplyBatch> => ({
  name: `engine.cmd.${shard}`,
  question: buyersBatchCodec,
  answer: repliesCodec,
});

/** Where services ask: the same, and what opens, pins, confirms, cancels and blocks. */
export const salesCommandsTo = (shard: number): Endpoint<CommandBatch, ReplyBatch> => ({
  name: `engine.sales.${shard}`,
  question: sellersBatchCodec,
  answer: repliesCodec,
});

export const deltasOf = (showtime: ShowtimeId): Topic<Delta> => ({
  name: `showtime.${showtime}.delta`,
  codec: deltaCodec,
});

export const NOTICES: Topic<{ readonly notices: readonly Notice[] }> = { name: "engine.notices", codec: plainCodec() };

/** Which of `shards` virtual shards a showtime belongs to: FNV-1a over the id. It never changes for a given shard count. */
export function shardOf(showtime: ShowtimeId, shards: number): number {
  return (fnv1a(showtime) >>> 0) % shards;
}

/** A shard that an engine has, with its epoch, and the requests and commits of it since the engine started. */
export type ServedShard = readonly [shard: number, epoch: number, requests: number, commits: number];

/** What an engine says of itself, several times a second: the others take its shards when it falls silent. */
export interface MemberBeat {
  /** Names one run of one process. */
  readonly engine: string;
  /** Where an operator finds it. */
  readonly host: string;
  readonly pid: number;
  /** On its own monotonic clock: how long its own beat was on the way tells an engine whether it has been heard behind what others said. */
  readonly saidAt: number;
  /** It is new and only listens yet, or leaves and gives its shards away, or has no way to PostgreSQL. */
  readonly leaving: boolean;
  readonly shards: readonly ServedShard[];
  /** How many shards there are. This and what follows is for operators. */
  readonly shardCount: number;
  /** Counts of all shards, since it started. */
  readonly commits: number;
  readonly requests: number;
  /** Requests that are decided and wait for their commit. */
  readonly waiting: number;
  /** How long its last commit took, or the one under way has been so far, if that is longer, in milliseconds. */
  readonly commitMs: number;
}

export const MEMBERS: Topic<MemberBeat> = { name: "engine.members", codec: plainCodec() };

/** Said once by an engine that serves a shard from now on: who waits for its last owner need not, and may ask again. A hint, as a beat is. */
export interface Served {
  readonly shard: number;
  readonly epoch: number;
}

export const SERVED: Topic<Served> = { name: "engine.served", codec: plainCodec() };

/**
 * What two engines say to each other when a shard goes from one to the other. `prepare`: it is about to come, and may be read already.
 * `ready`: it was. `unreadable`: it cannot be, so who has it keeps it. `take`: it has been given up, and need not wait for the next beat.
 */
export interface Handover {
  readonly shard: number;
  readonly phase: "prepare" | "ready" | "unreadable" | "take";
  readonly from: string;
  readonly to: string;
}

export const HANDOVERS: Topic<Handover> = { name: "engine.handovers", codec: plainCodec() };
