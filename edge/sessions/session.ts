import type { Timer } from "../../platform/clock/index.ts";
import type { Principal } from "../../platform/auth/index.ts";
import { CLOSE_CODES, type ErrorCode, type RequestId } from "../../proto/index.ts";
import type { ClientMessage, ServerMessage } from "../../proto/ws/index.ts";
import type { Counts } from "../counts.ts";
import { encode, type Frame } from "../encoding.ts";
import { setAside, type Viewer, type Watch } from "../fan-out/index.ts";
import { Bucket, type Meter } from "../meters/index.ts";
import { LIMITS } from "../limits.ts";
import type { CloseCode, Socket } from "../socket.ts";

export interface RefusalDetails {
  readonly code: ErrorCode;
  readonly message: string;
  readonly seats?: readonly number[];
  readonly retryInMs?: number;
}

const NONE: readonly never[] = [];

/** One connection. Small, for there are many, and most only watch: what only some need is undefined until they do. */
export class Session implements Viewer {
  readonly socket: Socket;
  readonly bucket = new Bucket();
  readonly #counts: Counts;
  address: Meter<Session> | undefined;
  watches: readonly Watch[] = NONE;
  isFallingBehind = false;
  isClosed = false;
  badMessages = 0;
  /** What it was refused for its rate. */
  refused: Bucket | undefined;
  /** Commands that wait for the engine. */
  inFlight = 0;
  principal: Principal | undefined;
  user: Meter<Session> | undefined;
  reauthTimer: Timer | undefined;
  /** While a token is being verified: what came after it. */
  waiting: ClientMessage[] | undefined;
  /** Answers that leave together at the end of this loop turn. */
  buffered: Frame[] | undefined;
  /** Answers that wait until there is room for them behind frames that were not read yet. */
  #late: { readonly frames: Frame[]; size: number } | undefined;
  /** How much waited for the reader when that was last looked at, and since when it has taken none of it. */
  #unread: { bytes: number; readonly since: number } | undefined;

  constructor(socket: Socket, counts: Counts) {
    this.socket = socket;
    this.#counts = counts;
  }

  send(message: ServerMessage): void {
    this.sendFrame(encode(message, this.socket.encoding));
  }

  /** An answer is never left out: whoever does not read them has to come again. */
  sendFrame(frame: Frame): void {
    if (this.#isTooSlow()) this.#sendLate([frame]);
    else if (!this.socket.send(frame)) this.close(CLOSE_CODES.SLOW);
  }

  sendFrames(frames: readonly Frame[]): void {
    if (this.#isTooSlow()) this.#sendLate(frames);
    else if (!this.socket.sendAll(frames)) this.close(CLOSE_CODES.SLOW);
  }

  /** The reader took something of what waited. */
  drained(): void {
    this.#unread = undefined;
    const late = this.#late;
    if (late === undefined || this.socket.backlog() + late.size > LIMITS.answerBacklogBytesMax) return;
    this.#late = undefined;
    this.sendFrames(late.frames);
  }

  /**
   * Looks how much waits for the reader. What it took while more was being sent is not told by `drained`, but makes it less sooner or later.
   * @returns for how long it has taken none of that, in milliseconds
   */
  unreadMs(now: number): number {
    const bytes = this.socket.backlog();
    if (this.#unread === undefined || bytes < this.#unread.bytes) {
      this.#unread = bytes === 0 ? undefined : { bytes, since: now };
      return 0;
    }
    this.#unread.bytes = bytes;
    return now - this.#unread.since;
  }

  refuse(why: RefusalDetails, rid?: RequestId): void {
    this.send(this.refusal(why, rid));
  }

  refusal({ code, message, seats, retryInMs }: RefusalDetails, rid?: RequestId): ServerMessage {
    this.#counts.refused(code);
    return {
      op: "error",
      ...(rid !== undefined && { rid }),
      code,
      message,
      ...(seats !== undefined && { seats: [...seats] }),
      ...(retryInMs !== undefined && { retryInMs: Math.ceil(retryInMs) }),
    };
  }

  close(why: CloseCode): void {
    if (!this.isClosed) this.#counts.hasClosed(why);
    this.socket.close(why);
  }

  #isTooSlow(): boolean {
    return this.#late !== undefined || this.socket.backlog() > LIMITS.answerBacklogBytesMax;
  }

  /** What waits may be frames of halls, which are no reason to lose the connection: no more of them come before the answers. */
  #sendLate(frames: readonly Frame[]): void {
    setAside(this);
    const late = (this.#late ??= { frames: [], size: 0 });
    for (const frame of frames) {
      late.frames.push(frame);
      late.size += frame.length;
    }
    if (late.size > LIMITS.answerBacklogBytesMax) this.close(CLOSE_CODES.SLOW);
  }
}
