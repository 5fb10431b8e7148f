/**
 * The way from an edge or a service to the engine. All requests of one loop turn for one shard travel in one bus message.
 *
 * A request that got no answer, or `UNAVAILABLE` (its shard is being taken over, or nobody knows whether its commit came about), is sent
 * again with the same request id until its time is up: the engine answers a repeated request with its first answer, so asking again is
 * always safe. It is sent at once when another engine says that it has the shard now: the last may be dead, or asleep, and never answer.
 * `BUSY` says that nothing was done, but speaks for the last attempt alone. Where one before it may have done something, the request is
 * sent again too.
 */
import { type Bus, NoResponders } from "../bus/index.ts";
import type { Clock } from "../clock/index.ts";
import { Slab } from "../slab/index.ts";
import {
  BATCH_WEIGHT_MAX,
  type Command,
  type CommandBatch,
  commandsTo,
  salesCommandsTo,
  type Endpoint,
  type Query,
  type Refusal,
  type Reply,
  type ReplyBatch,
  type Served,
  SERVED,
  shardOf,
  weightOf,
} from "../../proto/index.ts";
import { COME_BACK_MS, RETRY_AFTER_FIRST_MS, RETRY_AFTER_LAST_MS } from "./limits.ts";

/** What services need of it. */
export interface Engine {
  ask(request: Command | Query): Promise<Reply>;
}

/** @param tookMs since it was sent, in whole milliseconds, which cost no object each as fractions do */
type Answer = (reply: Reply, tookMs: number) => void;

interface Options {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly shards: number;
  /** Whether this process may sell: services; an edge asks only what a buyer may want. */
  readonly sells: boolean;
  /** How long a request may take with all its retries, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * How long the first attempt may take before it counts as lost and is made again, in milliseconds; each further one twice as long, since it
   * may be the commit that takes its time. Without, as long as all of them.
   */
  readonly attemptTimeoutMs?: number;
  /** Requests under way at once; beyond it the answer is `BUSY`. */
  readonly inFlightMax: number;
}

const BUSY: Refusal = {
  type: "refused",
  code: "BUSY",
  message: "Too many requests are under way; nothing was done.",
  retryInMs: COME_BACK_MS,
};
const UNAVAILABLE: Refusal = {
  type: "refused",
  code: "UNAVAILABLE",
  message: "The showtime's engine gave no answer in time; ask again with the same `rid`.",
  retryInMs: COME_BACK_MS,
};

/** What a request's earlier attempts have left behind. */
interface Past {
  /** Attempts that got no answer. */
  readonly unheard: number;
  /** What was asked for may have been done. */
  readonly isInDoubt: boolean;
}
const NO_PAST: Past = { unheard: 0, isInDoubt: false };

interface Again {
  readonly deadline: number;
  readonly past: Past;
  readonly atOnce: boolean;
  /** The answer when its time is up. */
  readonly otherwise: Refusal;
}

/** What waits to be sent to one shard: parallel lists, so that a request costs no object of its own. */
interface Lane {
  readonly endpoint: Endpoint<CommandBatch, ReplyBatch>;
  requests: (Command | Query)[];
  answers: Answer[];
  /** On the monotonic clock. */
  deadlines: number[];
  pasts: Past[];
  /** Epoch of the newest owner that was heard of; 0 before the first. */
  epoch: number;
  /** What is under way, or waits to be sent again: called when another has the shard. */
  readonly unanswered: Slab<() => void>;
}

export class EngineClient {
  readonly #options: Options;
  readonly #lanes: Lane[];
  /** Those with something to send. */
  readonly #full: Lane[] = [];
  #inFlight = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#lanes = Array.from({ length: options.shards }, (_, shard) => ({
      endpoint: options.sells ? salesCommandsTo(shard) : commandsTo(shard),
      requests: [],
      answers: [],
      deadlines: [],
      pasts: [],
      epoch: 0,
      unanswered: new Slab(),
    }));
    options.bus.subscribe(SERVED, (served) => this.#hear(served));
  }

  /** `answer` is called exactly once, never within this call unless the answer is `BUSY`. */
  send(request: Command | Query, answer: Answer): void {
    if (this.#inFlight >= this.#options.inFlightMax) {
      answer(BUSY, 0);
      return;
    }
    this.#inFlight++;
    this.#enqueue(request, answer, this.#options.clock.monotonic() + this.#options.timeoutMs, NO_PAST);
  }

  ask(request: Command | Query): Promise<Reply> {
    return new Promise((resolve) => this.send(request, resolve));
  }

  #enqueue(request: Command | Query, answer: Answer, deadline: number, past: Past): void {
    const lane = this.#lanes[shardOf(request.showtime, this.#lanes.length)] as Lane; // shardOf is below the length.
    lane.requests.push(request);
    lane.answers.push(answer);
    lane.deadlines.push(deadline);
    lane.pasts.push(past);
    if (lane.requests.length > 1) return;
    this.#full.push(lane);
    if (this.#full.length === 1) this.#options.clock.endOfTurn(() => this.#flushAll());
  }

  /** All in one go: whatever else a turn of the loop has to say, a bus across processes writes to its socket once. */
  #flushAll(): void {
    for (const lane of this.#full.splice(0)) this.#flush(lane);
  }

  #flush(lane: Lane): void {
    const { requests, answers, deadlines, pasts } = lane;
    lane.requests = [];
    lane.answers = [];
    lane.deadlines = [];
    lane.pasts = [];
    for (let from = 0; from < requests.length;) {
      const to = endOfMessage(requests, from);
      const part = <Item>(list: readonly Item[]): readonly Item[] =>
        to - from < list.length ? list.slice(from, to) : list;
      this.#ask(lane, part(requests), part(answers), part(deadlines), part(pasts));
      from = to;
    }
  }

  #ask(
    lane: Lane,
    requests: readonly (Command | Query)[],
    answers: readonly Answer[],
    deadlines: readonly number[],
    pasts: readonly Past[],
  ): void {
    const { attemptTimeoutMs = Infinity, timeoutMs, clock, bus } = this.#options;
    const { epoch } = lane;
    // Without replies where none came in time, or another has the shard by now; the requests may have been carried out all the same.
    const end = (replies: readonly Reply[]): void => {
      if (!lane.unanswered.delete(key, giveUp)) return;
      const hasMoved = lane.epoch !== epoch;
      const now = clock.monotonic();
      for (let i = 0; i < requests.length; i++) {
        // The casts: the lists are as long as each other.
        const answer = answers[i] as Answer;
        const reply = replies[i];
        const past = pasts[i] as Past;
        if (reply !== undefined && !isOpen(reply, past)) {
          this.#inFlight--;
          answer(reply, Math.round(now + timeoutMs - (deadlines[i] as number)));
          continue;
        }
        this.#sendAgain(lane, requests[i] as Command | Query, answer, {
          deadline: deadlines[i] as number,
          past: withAttempt(past, reply),
          atOnce: hasMoved,
          otherwise: reply?.type === "refused" && reply.code === "UNAVAILABLE" ? reply : UNAVAILABLE,
        });
      }
    };
    const giveUp = (): void => end([]);
    const key = lane.unanswered.add(giveUp);
    // The time of the request that has the least: those that have more are asked again.
    let earliest = Infinity;
    for (const deadline of deadlines) earliest = Math.min(earliest, deadline);
    let unheard = 0;
    for (const past of pasts) unheard = Math.max(unheard, past.unheard);
    const attemptMs = Math.max(1, Math.min(earliest - clock.monotonic(), attemptTimeoutMs * 2 ** unheard));
    bus.request(lane.endpoint, { requests }, { timeoutMs: attemptMs }).then(
      // As many as the requests, or they are the answer to something else, and nobody knows what was done.
      ({ replies }) => (replies.length === requests.length ? end(replies) : giveUp()),
      (error: unknown) => (error instanceof NoResponders ? end(requests.map(() => UNAVAILABLE)) : giveUp()),
    );
  }

  #hear({ shard, epoch }: Served): void {
    const lane = this.#lanes[shard];
    if (lane === undefined || epoch <= lane.epoch) return;
    lane.epoch = epoch;
    for (const again of lane.unanswered.values()) again();
  }

  /** If its time is not up. */
  #sendAgain(lane: Lane, request: Command | Query, answer: Answer, { deadline, past, atOnce, otherwise }: Again): void {
    const { clock, timeoutMs } = this.#options;
    const leftMs = deadline - clock.monotonic();
    const afterMs = Math.min(Math.max((timeoutMs - leftMs) / 8, RETRY_AFTER_FIRST_MS), RETRY_AFTER_LAST_MS);
    if (afterMs >= leftMs) {
      this.#inFlight--;
      answer(otherwise, Math.round(timeoutMs - leftMs));
      return;
    }
    if (atOnce) return this.#enqueue(request, answer, deadline, past);
    const again = (): void => {
      timer.cancel();
      lane.unanswered.delete(key, again);
      this.#enqueue(request, answer, deadline, past);
    };
    const timer = clock.after(afterMs, again);
    const key = lane.unanswered.add(again);
  }
}

/** Whether the request may still be carried out, or has been by an attempt that did not say so. */
const isOpen = (reply: Reply, { isInDoubt }: Past): boolean =>
  reply.type === "refused" && (reply.code === "UNAVAILABLE" || (reply.code === "BUSY" && isInDoubt));

/** @param reply that left the request open; where nobody served the shard, it is this client's own, and nothing was done */
function withAttempt({ unheard, isInDoubt }: Past, reply: Reply | undefined): Past {
  if (reply === undefined) return { unheard: unheard + 1, isInDoubt: true };
  return { unheard, isInDoubt: isInDoubt || reply !== UNAVAILABLE };
}

/** Where the message that begins with the request at `from` ends, and the next one begins. */
function endOfMessage(requests: readonly (Command | Query)[], from: number): number {
  let weight = 0;
  for (let to = from; to < requests.length; to++) {
    const request = requests[to];
    if (request !== undefined) weight += weightOf(request);
    if (weight > BATCH_WEIGHT_MAX) return to;
  }
  return requests.length;
}
