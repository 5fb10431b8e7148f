/**
 * Buyers who never give up: each has a showtime of its own, holds seats and releases them at an even pace, and repeats a request that was told to come
 * again later. It tells how long each showtime was without an answer while something happened to the server.
 */
import { setTimeout as pause } from "node:timers/promises";
import { ERRORS, type HoldId, type RequestId, type ShowtimeId } from "../../proto/index.ts";
import { decodeServerMsgpack, encodeClientMsgpack, type ServerMessage } from "../../proto/ws/client-codec.ts";
import { BenchError, explain } from "../bench-error.ts";
import type { Showtime } from "./dialects/index.ts";
import { Recorder, type Sample } from "./recorder.ts";
import { frameOf, WebSocketClient } from "./web-socket.ts";

export interface AskingLoadOptions {
  readonly port: number;
  readonly showtimes: readonly Showtime[];
  /** One a showtime. */
  readonly tokens: readonly string[];
  /** Commands of all together. */
  readonly perSecond: number;
}

/** Since `forget`. */
export interface Silences {
  /** By showtime: the longest time between two answers, in ms. */
  readonly ms: readonly number[];
  /** Answers that said to come again later. */
  readonly failed: number;
}

const SEATS = [0, 1, 2];
const AGAIN_MS = 20;
const READY_WITHIN_MS = 10_000;
const ANSWERED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 2;

interface Asker {
  readonly showtime: ShowtimeId;
  readonly client: WebSocketClient;
  isReady: boolean;
  /** When the next command is due, in the time of `performance.now`. */
  nextAt: number;
  /** What waits for its answer, and when it was first sent. */
  pending: { readonly rid: RequestId; readonly frame: Uint8Array; readonly sentAt: number } | undefined;
  hold: HoldId | undefined;
  answeredAt: number;
  longestMs: number;
}

export class AskingLoad {
  readonly #recorder = new Recorder();
  #askers: Asker[] = [];
  #everyMs = 0;
  #commands = 0;
  #failed = 0;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #failure: Error | undefined;

  async open({ port, showtimes, tokens, perSecond }: AskingLoadOptions): Promise<void> {
    this.#everyMs = (showtimes.length * 1_000) / perSecond;
    this.#askers = await Promise.all(showtimes.map(({ id }, index) => this.#connect(port, id, tokens[index] ?? "")));
    await this.#until(() => this.#askers.every(({ isReady }) => isReady), "The server did not let the buyers in.", {
      withinMs: READY_WITHIN_MS,
    });
  }

  begin(): void {
    const now = performance.now();
    this.#askers.forEach((asker, index) => {
      asker.nextAt = now + (index * this.#everyMs) / this.#askers.length;
      asker.answeredAt = now;
    });
    this.#isOver = false;
    this.#timer = setInterval(() => this.#sendDue(), 1);
  }

  mark(): void {
    this.#recorder.mark();
  }

  take(): Sample {
    this.#check();
    return this.#recorder.take();
  }

  /** From here on only what comes counts, and the silence that lasts now. */
  forget(): void {
    this.#failed = 0;
    for (const asker of this.#askers) asker.longestMs = 0;
  }

  /** Waits until every showtime has given another answer. */
  async silences(): Promise<Silences> {
    const now = performance.now();
    await this.#until(() => this.#askers.every(({ answeredAt }) => answeredAt > now), "A showtime answers no more.");
    return { ms: this.#askers.map(({ longestMs }) => longestMs), failed: this.#failed };
  }

  /** Once everything is answered and nothing is held. */
  async end(): Promise<void> {
    this.#isOver = true;
    const isIdle = ({ pending, hold }: Asker): boolean => pending === undefined && hold === undefined;
    await this.#until(() => this.#askers.every(isIdle), "The server left commands unanswered.");
    clearInterval(this.#timer);
  }

  close(): void {
    for (const { client } of this.#askers) client.destroy();
    this.#askers = [];
  }

  async #connect(port: number, showtime: string, token: string): Promise<Asker> {
    const client: WebSocketClient = await WebSocketClient.open({
      port,
      path: "/v1",
      protocol: "usher.v1.msgpack",
      onMessage: (bytes, start, end) => {
        const decoded = decodeServerMsgpack(bytes.subarray(start, end));
        if (decoded.ok) this.#read(asker, decoded.message);
        else this.#fail(new BenchError("Usher sent a message that does not decode."));
      },
      onClose: (why) => this.#fail(new BenchError(`A connection of the load was lost: ${why}.`)),
    });
    const asker: Asker = {
      showtime: showtime as ShowtimeId,
      client,
      isReady: false,
      nextAt: 0,
      pending: undefined,
      hold: undefined,
      answeredAt: 0,
      longestMs: 0,
    };
    client.send(frameOf(encodeClientMsgpack({ op: "auth", token })));
    return asker;
  }

  #sendDue(): void {
    const now = performance.now();
    for (const asker of this.#askers) {
      if (asker.pending !== undefined || asker.nextAt > now) continue;
      if (this.#isOver && asker.hold === undefined) continue;
      asker.nextAt += Math.max(this.#everyMs, now - asker.nextAt);
      const rid = `${Date.now().toString(36)}-${++this.#commands}` as RequestId; // Made as ours are.
      const message =
        asker.hold === undefined
          ? ({ op: "hold", rid, showtime: asker.showtime, seats: SEATS } as const)
          : ({ op: "release", rid, holdId: asker.hold } as const);
      asker.pending = { rid, frame: frameOf(encodeClientMsgpack(message)), sentAt: now };
      asker.client.send(asker.pending.frame);
    }
  }

  #read(asker: Asker, message: ServerMessage): void {
    switch (message.op) {
      case "authed":
        asker.isReady = true;
        break;
      case "held":
        this.#answered(asker, message.rid, message.holdId);
        break;
      case "released":
        this.#answered(asker, message.rid, undefined);
        break;
      case "error": {
        if (message.rid === undefined || !ERRORS[message.code].retryable) {
          this.#fail(new BenchError(`Usher refused the load: ${message.code}, ${message.message}.`));
          return;
        }
        const { pending, client } = asker;
        if (pending?.rid !== message.rid) return;
        this.#failed++;
        this.#recorder.refused++;
        setTimeout(() => client.send(pending.frame), message.retryInMs ?? AGAIN_MS);
        break;
      }
      default:
        break; // The greeting, and notices.
    }
  }

  #answered(asker: Asker, rid: RequestId, hold: HoldId | undefined): void {
    const { pending } = asker;
    if (pending?.rid !== rid) return; // An answer to what was answered before.
    const now = performance.now();
    this.#recorder.record(now, now - pending.sentAt);
    asker.longestMs = Math.max(asker.longestMs, now - asker.answeredAt);
    asker.answeredAt = now;
    asker.pending = undefined;
    asker.hold = hold;
  }

  #fail(error: unknown): void {
    const explained = explain(error);
    this.#failure ??= explained instanceof Error ? explained : new Error(String(error));
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #until(
    condition: () => boolean,
    otherwise: string,
    { withinMs = ANSWERED_WITHIN_MS }: { readonly withinMs?: number } = {},
  ): Promise<void> {
    const end = performance.now() + withinMs;
    while (!condition()) {
      this.#check();
      if (performance.now() > end) throw new BenchError(otherwise);
      await pause(LOOK_EVERY_MS);
    }
    this.#check();
  }
}
