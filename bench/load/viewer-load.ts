/**
 * Viewers of one showtime who wait for changes that a `CommandLoad` makes elsewhere by a schedule. The schedule tells which change a seat's new
 * status is, and when it was meant to begin, so latency needs no clock but the machine's.
 *
 * The same frame comes to every viewer: it is decoded once, and those who got it within an instant are counted together.
 */
import type { Histogram } from "hdr-histogram-js";
import { BenchError, explain } from "../bench-error.ts";
import { addressOf } from "./addresses.ts";
import {
  type Dialect,
  DIALECTS,
  type DialectName,
  type ReadChanges,
  type Showtime,
  type Viewer,
} from "./dialects/index.ts";
import { localTime } from "./monotonic.ts";
import { createHistogram, encodeHistogram, LATENCY_MAX_US, microseconds, Recorder, type Sample } from "./recorder.ts";
import { WebSocketClient } from "./web-socket.ts";

export interface ViewerLoadOptions {
  readonly dialect: DialectName;
  readonly port: number;
  readonly showtime: Showtime;
  readonly viewers: number;
  /** Of all processes together: where the viewers' addresses begin. */
  readonly firstIndex: number;
  readonly allViewers: number;
  /** The first so many read nothing until `resume`. */
  readonly slow?: number;
}

/** Change i is meant to begin at startAt + i / perSecond, on seat i modulo `seats`: held, the next time round free, and so on. */
export interface Schedule {
  readonly startAt: number;
  readonly perSecond: number;
  readonly seats: number;
}

/** Those who got a frame within this time are counted together. */
const INSTANT_MS = 0.2;
const FRAMES_KEPT = 512;
/** Changes that began so shortly before the end are not expected to have reached everybody. */
const GRACE_MS = 1_000;
const OPENED_AT_ONCE = 200;
const SYNCED_WITHIN_MS = 60_000;
const AWAKE_WITHIN_MS = 10_000;

interface Frame {
  readonly changes: readonly number[];
  /** Viewers that got it at `at`. */
  viewers: number;
  at: number;
}

export class ViewerLoad {
  readonly #recorder = new Recorder();
  readonly #frames = new Map<string, Frame>();
  #clients: (WebSocketClient | undefined)[] = [];
  #options: ViewerLoadOptions | undefined;
  #readChanges: ReadChanges = () => [];
  #synced = 0;
  #resynced = 0;
  /** Viewers that read again and have got nothing yet. */
  #asleep = new Set<number>();
  #schedule: Schedule | undefined;
  #startAt = 0;
  #markedAt = 0;
  #markedBytes = 0;
  #frameCount = 0;
  #byteCount = 0;
  /** By change since the mark: viewers that have it, and when the last one got it. */
  #reached: number[] = [];
  #lastAt: number[] = [];
  #firstChange = 0;
  #failure: Error | undefined;
  #storm: Histogram = createHistogram();

  /** @returns how long it took until all of them saw the hall, in ms. */
  async open(options: ViewerLoadOptions): Promise<number> {
    this.#options = options;
    const begun = performance.now();
    await this.#connectAll(OPENED_AT_ONCE);
    for (const client of this.#clients.slice(0, options.slow ?? 0)) client?.pause();
    return performance.now() - begun;
  }

  /** All connect at once; each latency is from now until that viewer sees the hall. */
  async storm(options: ViewerLoadOptions): Promise<Sample> {
    this.#options = options;
    this.#storm = createHistogram();
    const begun = performance.now();
    this.#recorder.mark();
    await this.#connectAll(options.viewers, (now) => {
      this.#storm.recordValue(microseconds(now - begun));
      this.#recorder.done(now, 1);
    });
    const seconds = (performance.now() - begun) / 1_000;
    const sample = this.#recorder.take({ seconds });
    return { ...sample, histograms: { latency: encodeHistogram(this.#storm) } };
  }

  begin(schedule: Schedule): void {
    this.#schedule = schedule;
    this.#startAt = localTime(schedule.startAt);
    this.mark();
  }

  mark(): void {
    this.#forgetFrames();
    this.#recorder.mark();
    this.#markedAt = performance.now();
    this.#frameCount = 0;
    this.#markedBytes = this.#byteCount;
    this.#resynced = 0;
    this.#reached = [];
    this.#lastAt = [];
    this.#firstChange = this.#changeAt(this.#markedAt) + 1;
  }

  /** `lastViewer` has, for each change, how long it took to whoever got it last; one that did not reach everybody counts as long as it has been under way. */
  take(): Sample {
    this.#check();
    for (const frame of this.#frames.values()) this.#flush(frame);
    const now = performance.now();
    const { viewers = 0, slow = 0 } = this.#options ?? {};
    const lastViewer = createHistogram();
    let incomplete = 0;
    const end = this.#changeAt(now - GRACE_MS);
    for (let change = this.#firstChange; change <= end; change++) {
      const at = change - this.#firstChange;
      const complete = (this.#reached[at] ?? 0) >= viewers - slow;
      if (!complete) incomplete++;
      const until = complete ? (this.#lastAt[at] ?? now) : now;
      lastViewer.recordValue(Math.min(LATENCY_MAX_US, microseconds(until - this.#meantAt(change))));
    }
    const sample = this.#recorder.take({
      frames: this.#frameCount,
      bytes: this.#byteCount - this.#markedBytes,
      resynced: this.#resynced,
      incomplete,
    });
    return { ...sample, histograms: { ...sample.histograms, lastViewer: encodeHistogram(lastViewer) } };
  }

  end(): void {
    this.#schedule = undefined;
  }

  /** The slow ones read again. @returns how long it took until each of them had got something, in ms, or -1 when they did not. */
  async resume(): Promise<number> {
    const { slow = 0 } = this.#options ?? {};
    const begun = performance.now();
    this.#asleep = new Set(Array.from({ length: slow }, (_, index) => index));
    for (const client of this.#clients.slice(0, slow)) client?.resume();
    while (this.#asleep.size > 0) {
      if (performance.now() - begun > AWAKE_WITHIN_MS) return -1;
      await sleep(5);
    }
    return performance.now() - begun;
  }

  close(): void {
    for (const client of this.#clients) client?.destroy();
    this.#clients = [];
    this.#frames.clear();
  }

  async #connectAll(atOnce: number, onSynced: (now: number) => void = () => undefined): Promise<void> {
    const { dialect: name, viewers } = this.#settings;
    const dialect: Dialect = DIALECTS[name];
    this.#failure = undefined;
    this.#readChanges = dialect.changes();
    this.#synced = 0;
    for (let first = 0; first < viewers; first += atOnce) {
      const burst = Array.from({ length: Math.min(atOnce, viewers - first) }, (_, at) =>
        this.#connect(first + at, dialect, onSynced),
      );
      await Promise.all(burst);
    }
    const end = performance.now() + SYNCED_WITHIN_MS;
    while (this.#synced < viewers) {
      this.#check();
      if (performance.now() > end)
        throw new BenchError("The server did not show the hall to every viewer within a minute.");
      await sleep(2);
    }
  }

  async #connect(index: number, dialect: Dialect, onSynced: (now: number) => void): Promise<void> {
    const { port, showtime, firstIndex, allViewers } = this.#settings;
    const viewer = dialect.viewer(showtime);
    let synced = false;
    const sync = (): void => {
      if (synced) this.#resynced++;
      else {
        synced = true;
        this.#synced++;
        onSynced(performance.now());
      }
    };
    const client: WebSocketClient = await WebSocketClient.open({
      port,
      path: await dialect.path(port, showtime),
      ...(dialect.protocol !== undefined && { protocol: dialect.protocol }),
      ...addressOf(firstIndex + index, allViewers),
      onMessage: (bytes, start, end) => {
        this.#byteCount += end - start;
        if (this.#asleep.size > 0) this.#asleep.delete(index);
        try {
          if (this.#read(viewer, bytes, start, end, client) === "synced") sync();
        } catch (error) {
          this.#fail(error);
        }
      },
      onClose: (why) => this.#fail(new BenchError(`A viewer's connection was lost: ${why}.`)),
    });
    this.#clients[index] = client;
    for (const frame of viewer.greeting) client.send(frame);
    if (!dialect.syncs) sync();
  }

  #read(
    viewer: Viewer,
    bytes: Buffer,
    start: number,
    end: number,
    client: WebSocketClient,
  ): ReturnType<Viewer["read"]> {
    const meaning = viewer.read(bytes, start, end, client);
    if (meaning !== "changed") return meaning;
    this.#frameCount++;
    const key = bytes.toString("latin1", start, end);
    let frame = this.#frames.get(key);
    if (frame === undefined) {
      if (this.#frames.size >= FRAMES_KEPT) this.#forgetFrames();
      frame = { changes: this.#readChanges(bytes, start, end), viewers: 0, at: 0 };
      this.#frames.set(key, frame);
    }
    const now = performance.now();
    if (now - frame.at > INSTANT_MS) {
      this.#flush(frame);
      frame.at = now;
    }
    frame.viewers++;
    return meaning;
  }

  #forgetFrames(): void {
    for (const frame of this.#frames.values()) this.#flush(frame);
    this.#frames.clear();
  }

  #flush(frame: Frame): void {
    const { viewers, at, changes } = frame;
    frame.viewers = 0;
    if (viewers === 0 || this.#schedule === undefined) return;
    this.#recorder.done(at, 0);
    for (const change of changes) {
      const index = this.#changeOf(change >> 2, change & 3, at);
      if (index < this.#firstChange) {
        if (index >= 0) this.#recorder.done(at, viewers);
        continue;
      }
      this.#recorder.record(at, at - this.#meantAt(index), viewers);
      const place = index - this.#firstChange;
      this.#reached[place] = (this.#reached[place] ?? 0) + viewers;
      this.#lastAt[place] = at;
    }
  }

  /** Which change of the schedule made the seat what it is at `now`; below 0 when none did. */
  #changeOf(seat: number, status: number, now: number): number {
    const { seats = 1 } = this.#schedule ?? {};
    let turn = Math.floor((this.#changeAt(now) - seat) / seats);
    if ((turn % 2 === 0) !== (status !== 0)) turn--;
    return turn < 0 ? -1 : turn * seats + seat;
  }

  /** The newest change that was meant to have begun. */
  #changeAt(now: number): number {
    return this.#schedule === undefined ? -1 : Math.floor(((now - this.#startAt) * this.#schedule.perSecond) / 1_000);
  }

  #meantAt(change: number): number {
    return this.#startAt + (change * 1_000) / (this.#schedule?.perSecond ?? 1);
  }

  get #settings(): ViewerLoadOptions {
    if (this.#options === undefined) throw new Error("the load was never opened");
    return this.#options;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: unknown): void {
    const explained = explain(error);
    this.#failure ??= explained instanceof Error ? explained : new Error(String(error));
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
