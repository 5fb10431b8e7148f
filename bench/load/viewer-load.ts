/**
 * Viewers of one showtime who wait for changes that a `CommandLoad` makes elsewhere by a schedule. The schedule tells which change a seat's new
 * status is, and when it was meant to begin, so latency needs no clock but the machine's.
 *
 * The same frame comes to every viewer: it is decoded once, and those who got it within an instant are counted together.
 */
import { setTimeout as pause } from "node:timers/promises";
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
import { createHistogram, encodeHistogram, microseconds, Recorder, type Sample } from "./recorder.ts";
import { Schedule, type ScheduleOptions } from "./schedule.ts";
import { WebSocketClient } from "./web-socket.ts";

export interface ViewerLoadOptions {
  readonly dialect: DialectName;
  readonly port: number;
  readonly showtime: Showtime;
  readonly viewers: number;
  /** Where the viewers' addresses begin, among those of all processes. */
  readonly firstIndex: number;
  readonly allViewers: number;
  /** The first so many read nothing until `resume`. */
  readonly slow?: number;
}

/** How long changes took to whoever of this process got each of them last. */
export interface Arrivals {
  /** The first change that was measured. */
  readonly first: number;
  /** From it on, of each change, in ms; one that somebody has not got counts as long as it has been under way. */
  readonly ms: readonly number[];
  /** Those that did not reach everybody, late either. */
  readonly missed: readonly number[];
}

/** Those who got a frame within this time are counted together. */
const INSTANT_MS = 0.2;
const FRAMES_KEPT = 512;
/** Whoever has not got a change by then will not get it. */
const MISSED_AFTER_MS = 3_000;
const OPENED_AT_ONCE = 200;
const SYNCED_WITHIN_MS = 60_000;
const AWAKE_WITHIN_MS = 30_000;

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
  /** Changes of which a viewer was told that knew them. */
  #repeated = 0;
  /** What the slow ones were shown before they stopped reading. */
  #hall: Buffer = Buffer.alloc(0);
  /** Viewers that read again and were shown no newer hall yet. */
  #asleep = new Set<number>();
  #schedule: Schedule | undefined;
  #markedBytes = 0;
  #frameCount = 0;
  #byteCount = 0;
  /** By change since the mark: viewers that have it, and when the last one got it. */
  #reached: number[] = [];
  #lastAt: number[] = [];
  #firstChange = 0;
  /** The newest one that is measured. */
  #lastChange = -1;
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

  begin(schedule: ScheduleOptions): void {
    this.#schedule = new Schedule(schedule);
    this.mark();
  }

  mark(): void {
    this.#flushAll();
    this.#recorder.mark();
    this.#frameCount = 0;
    this.#markedBytes = this.#byteCount;
    this.#resynced = 0;
    this.#repeated = 0;
    this.#reached = [];
    this.#lastAt = [];
    this.#firstChange = Math.max(0, (this.#schedule?.changeAt(performance.now()) ?? -1) + 1); // None before the schedule's own first.
    this.#lastChange = -1;
  }

  take(): Sample {
    this.#check();
    this.#flushAll();
    this.#lastChange = this.#schedule?.changeAt(performance.now()) ?? -1;
    return this.#recorder.take({
      frames: this.#frameCount,
      bytes: this.#byteCount - this.#markedBytes,
      resynced: this.#resynced,
      repeated: this.#repeated,
    });
  }

  /** Waits until the changes that had begun when it was taken have reached everybody, those of its end too. */
  async end(): Promise<Arrivals> {
    const begun = performance.now();
    while (this.#incomplete().length > 0 && performance.now() - begun < MISSED_AFTER_MS) {
      await pause(20);
      this.#flushAll();
    }
    const arrivals = this.#arrivals();
    this.#schedule = undefined;
    return arrivals;
  }

  /** Each of the slow ones asks to be shown the hall so often, and reads nothing of it. @returns how many messages that took. */
  askAgain(times: number): number {
    const { dialect, showtime, slow = 0 } = this.#settings;
    const { greeting } = DIALECTS[dialect].viewer(showtime);
    const frames = Buffer.concat(Array.from({ length: times }, () => greeting).flat());
    for (const client of this.#clients.slice(0, slow)) client?.send(frames);
    return slow * times * greeting.length;
  }

  /**
   * The slow ones read again. @returns how long it took until each of them was shown a hall that it did not know before, in ms, or -1 when they
   * were not. What the system has kept for them meanwhile is none.
   */
  async resume(): Promise<number> {
    const { slow = 0 } = this.#options ?? {};
    const begun = performance.now();
    this.#asleep = new Set(Array.from({ length: slow }, (_, index) => index));
    for (const client of this.#clients.slice(0, slow)) client?.resume();
    while (this.#asleep.size > 0) {
      this.#check();
      if (performance.now() - begun > AWAKE_WITHIN_MS) return -1;
      await pause(5);
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
      await pause(2);
    }
  }

  async #connect(index: number, dialect: Dialect, onSynced: (now: number) => void): Promise<void> {
    const { port, showtime, firstIndex, allViewers, slow = 0 } = this.#settings;
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
        try {
          if (this.#read(viewer, bytes, start, end, client) !== "synced") return;
          if (!synced && index < slow) this.#hall = Buffer.from(bytes.subarray(start, end));
          sync();
          if (this.#asleep.has(index) && !this.#hall.equals(bytes.subarray(start, end))) this.#asleep.delete(index);
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
      this.#forgetOldFrame();
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

  /** One at a time: what is read again, since some viewers are yet to get it, may say nothing to whoever keeps account of seats. */
  #forgetOldFrame(): void {
    if (this.#frames.size < FRAMES_KEPT) return;
    for (const [key, frame] of this.#frames) {
      this.#flush(frame);
      this.#frames.delete(key);
      return;
    }
  }

  #flushAll(): void {
    for (const frame of this.#frames.values()) this.#flush(frame);
  }

  #flush(frame: Frame): void {
    const { viewers, at, changes } = frame;
    const schedule = this.#schedule;
    frame.viewers = 0;
    if (viewers === 0 || schedule === undefined) return;
    this.#recorder.done(at, 0);
    for (const change of changes) {
      const index = schedule.changeOf(change >> 2, change & 3, at);
      if (index < this.#firstChange) {
        if (index >= 0) this.#recorder.done(at, viewers);
        continue;
      }
      const place = index - this.#firstChange;
      const before = this.#reached[place] ?? 0;
      // Who tells some of them twice has not told more of them.
      const news = Math.min(viewers, this.#settings.viewers - before);
      this.#repeated += viewers - news;
      if (news === 0) continue;
      this.#recorder.record(at, at - schedule.meantAt(index), news);
      this.#reached[place] = before + news;
      this.#lastAt[place] = at;
    }
  }

  #arrivals(): Arrivals {
    const [first, schedule, now] = [this.#firstChange, this.#schedule, performance.now()];
    const ms: number[] = [];
    for (let change = first; schedule !== undefined && change <= this.#lastChange; change++) {
      const until = this.#isComplete(change) ? (this.#lastAt[change - first] ?? now) : now;
      ms.push(until - schedule.meantAt(change));
    }
    return { first, ms, missed: this.#incomplete() };
  }

  #isComplete(change: number): boolean {
    const { viewers = 0, slow = 0 } = this.#options ?? {};
    return (this.#reached[change - this.#firstChange] ?? 0) >= viewers - slow;
  }

  #incomplete(): number[] {
    const changes: number[] = [];
    for (let change = this.#firstChange; change <= this.#lastChange; change++) {
      if (!this.#isComplete(change)) changes.push(change);
    }
    return changes;
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
