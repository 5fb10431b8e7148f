/**
 * Buyers who hold seats and release them, again and again; every hold and every release is one command. Three ways to drive them:
 *
 * - closed: every slot sends its next command when the last one is answered.
 * - open: commands begin at a fixed rate, whatever the server does; one that finds no idle slot waits for one. Its latency counts from when
 *   it was meant to begin, so a server that stalls is not let off (no coordinated omission);
 *   one that has no answer when the load is taken counts as long as it has been under way.
 * - schedule: the open way, with the slot that each command is for laid down too, so that viewers elsewhere know which change they see.
 */
import { setTimeout as pause } from "node:timers/promises";
import { BenchError, explain } from "../bench-error.ts";
import { addressOf } from "./addresses.ts";
import { type Buyer, DIALECTS, type DialectName, NO_SLOT, refusedSlot, type Showtime } from "./dialects/index.ts";
import { localTime } from "./monotonic.ts";
import { Recorder, type Sample } from "./recorder.ts";
import { WebSocketClient } from "./web-socket.ts";

export interface CommandLoadOptions {
  readonly dialect: DialectName;
  readonly port: number;
  /** Buyers go round them. */
  readonly showtimes: readonly Showtime[];
  /** One a buyer, where the server wants them. */
  readonly tokens: readonly string[];
  readonly connections: number;
  /** Where they stand among those of all processes: the first, and how many there are. Left out where there is one process. */
  readonly among?: { readonly first: number; readonly all: number };
  /** Commands that a connection may have in flight. */
  readonly slots: number;
  readonly seatsAHold: number;
  /** How many want the same seats; 1 if it is left out, and then nothing is refused. */
  readonly rivals?: number;
}

export type Pace =
  | { readonly kind: "closed" }
  | { readonly kind: "open"; readonly perSecond: number }
  | { readonly kind: "schedule"; readonly perSecond: number; /** On `monotonicNow`. */ readonly startAt: number };

const OPENED_AT_ONCE = 200;
const DRAIN_MS = 10_000;
export const UNANSWERED = "The server left commands unanswered.";

export class CommandLoad {
  readonly #recorder = new Recorder();
  /** Refusals, which are answers of another kind, and as a rule quicker ones. */
  readonly #refusals = new Recorder();
  #options: CommandLoadOptions | undefined;
  #clients: WebSocketClient[] = [];
  #buyers: Buyer[] = [];
  /** By lane (connection * slots + slot): when its command was meant to begin; 0 when it is idle. */
  #begunAt = new Float64Array(0);
  /** Idle lanes of an open load, the one that has been idle longest first. */
  #idle: number[] = [];
  /** Lanes that wait for an answer. */
  #inFlight = 0;
  #pace: Pace = { kind: "closed" };
  #running = false;
  #timer: NodeJS.Timeout | undefined;
  #startAt = 0;
  #nextIndex = 0;
  #failure: Error | undefined;

  async open(options: CommandLoadOptions): Promise<void> {
    this.#options = options;
    this.#failure = undefined;
    this.#inFlight = 0; // A server may have left commands of the round before unanswered.
    const { connections, slots } = options;
    this.#begunAt = new Float64Array(connections * slots);
    while (this.#clients.length < connections) {
      const first = this.#clients.length;
      const burst = Array.from({ length: Math.min(OPENED_AT_ONCE, connections - first) }, (_, at) =>
        this.#connect(first + at),
      );
      this.#clients.push(...(await Promise.all(burst)));
    }
    await until(() => this.#buyers.every((buyer) => buyer.isReady()), this, "The server did not let the buyers in.");
  }

  begin(pace: Pace): void {
    const lanes = this.#begunAt.length;
    this.#pace = pace;
    this.#running = true;
    this.#nextIndex = 0;
    this.#startAt = pace.kind === "schedule" ? localTime(pace.startAt) : performance.now();
    this.#idle = Array.from({ length: lanes }, (_, lane) => lane);
    this.mark();
    if (pace.kind === "closed") for (let lane = 0; lane < lanes; lane++) this.#send(lane, performance.now());
    else this.#timer = setInterval(() => this.#sendDue(), 1);
  }

  mark(): void {
    this.#recorder.mark();
    this.#refusals.mark();
  }

  take(): Sample {
    this.#check();
    const overdue = this.#overdue();
    const sample = this.#recorder.take({ "commands unsent": overdue }, this.#unanswered(overdue));
    const { histograms, slices: refusals } = this.#refusals.take();
    const slices = sample.slices.map((done, slice) => done + (refusals[slice] ?? 0));
    return { ...sample, slices, histograms: { ...sample.histograms, refused: histograms["latency"] ?? "" } };
  }

  /** Waits for what is in flight and releases what is held, so that the seats are free for whoever comes next. */
  async end(withinMs = DRAIN_MS): Promise<void> {
    this.#running = false;
    clearInterval(this.#timer);
    await until(() => this.#inFlight === 0, this, UNANSWERED, withinMs);
    const { slots = 0 } = this.#options ?? {};
    for (let lane = 0; lane < this.#begunAt.length; lane++) {
      if (this.#buyers[Math.floor(lane / slots)]?.holds(lane % slots) === true) this.#send(lane, performance.now());
    }
    await until(() => this.#inFlight === 0, this, UNANSWERED, withinMs);
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
    this.#clients = [];
    this.#buyers = [];
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  async #connect(index: number): Promise<WebSocketClient> {
    const { dialect: name, port, showtimes, tokens, slots, seatsAHold, connections, rivals = 1 } = this.#settings;
    const { first: firstOfAll, all } = this.#settings.among ?? { first: 0, all: connections };
    const place = firstOfAll + index;
    const dialect = DIALECTS[name];
    const showtime = showtimes[place % showtimes.length];
    if (showtime === undefined) throw new BenchError("There is no showtime to sell.");
    const firstSlot = Math.floor(place / showtimes.length) * slots;
    const buyer = dialect.buyer({
      slots,
      showtime,
      token: tokens[index] ?? "",
      seatsOf(slot) {
        const first = Math.floor((firstSlot + slot) / rivals) * seatsAHold;
        return Array.from({ length: seatsAHold }, (_, seat) => first + seat);
      },
    });
    const client: WebSocketClient = await WebSocketClient.open({
      port,
      path: await dialect.path(port, showtime),
      ...(dialect.protocol !== undefined && { protocol: dialect.protocol }),
      ...addressOf(place, all),
      onMessage: (bytes, start, end) => {
        try {
          const slot = buyer.read(bytes, start, end, client);
          if (slot !== NO_SLOT) this.#answered(index, slot);
        } catch (error) {
          this.#fail(error);
        }
      },
      onClose: (why) => this.#fail(new BenchError(`A connection of the load was lost: ${why}.`)),
    });
    for (const frame of buyer.greeting) client.send(frame);
    this.#buyers[index] = buyer;
    return client;
  }

  get #settings(): CommandLoadOptions {
    if (this.#options === undefined) throw new Error("the load was never opened");
    return this.#options;
  }

  #answered(connection: number, slot: number): void {
    const { slots } = this.#settings;
    const refused = slot < NO_SLOT;
    const lane = connection * slots + (refused ? refusedSlot(slot) : slot);
    const now = performance.now();
    const begunAt = this.#begunAt[lane] ?? 0;
    if (begunAt === 0) return; // An answer to what was sent before: the server answers twice.
    this.#begunAt[lane] = 0;
    this.#inFlight--;
    if (refused) {
      this.#refusals.record(now, now - begunAt);
      this.#refused(this.#buyers[connection]?.refusedFor ?? "");
    } else this.#recorder.record(now, now - begunAt);
    if (!this.#running) return;
    if (this.#pace.kind === "closed") this.#send(lane, now);
    else {
      this.#idle.push(lane);
      if (this.#pace.kind === "open") this.#sendDue();
    }
  }

  /** Seats may be gone. Whoever sheds load for any other reason would be done sooner with less, and is not measured. */
  #refused(why: string): void {
    this.#recorder.refused++;
    if (this.#pace.kind !== "schedule" && why !== "SEAT_TAKEN")
      this.#fail(new BenchError(`The server refused commands of the load: ${why}.`));
  }

  #send(lane: number, meantAt: number): void {
    const { slots } = this.#settings;
    const connection = Math.floor(lane / slots);
    const buyer = this.#buyers[connection];
    if (buyer === undefined) return;
    this.#begunAt[lane] = meantAt;
    this.#inFlight++;
    this.#clients[connection]?.send(buyer.next(lane - connection * slots));
  }

  /** Sends every command whose time has come, as long as there is a lane for it. */
  #sendDue(): void {
    if (!this.#running || this.#pace.kind === "closed") return;
    const everyMs = 1_000 / this.#pace.perSecond;
    const now = performance.now();
    for (;;) {
      const meantAt = this.#startAt + this.#nextIndex * everyMs;
      if (meantAt > now) return;
      if (this.#pace.kind === "open") {
        const lane = this.#idle.shift();
        if (lane === undefined) return;
        this.#send(lane, meantAt);
      } else {
        const lane = this.#nextIndex % this.#begunAt.length;
        // Still unanswered since its last turn, many seconds ago: this change does not happen.
        if (this.#begunAt[lane] === 0) this.#send(lane, meantAt);
        else this.#recorder.refused++;
      }
      this.#nextIndex++;
    }
  }

  /** Commands of an open load whose time has come, but which found no idle lane yet. */
  #overdue(): number {
    if (this.#pace.kind !== "open") return 0;
    return Math.max(
      0,
      Math.floor(((performance.now() - this.#startAt) * this.#pace.perSecond) / 1_000) - this.#nextIndex,
    );
  }

  /** How long each command of an open load that was meant to begin has been without an answer, in ms. */
  *#unanswered(overdue: number): Generator<number> {
    if (this.#pace.kind === "closed") return;
    const now = performance.now();
    for (const begunAt of this.#begunAt) if (begunAt !== 0) yield now - begunAt;
    const everyMs = 1_000 / this.#pace.perSecond;
    for (let late = 0; late < overdue; late++) yield now - (this.#startAt + (this.#nextIndex + late) * everyMs);
  }

  #fail(error: unknown): void {
    const explained = explain(error);
    this.#failure ??= explained instanceof Error ? explained : new Error(String(error));
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** @throws the load's failure, or a BenchError with `otherwise` when it takes too long. */
async function until(
  condition: () => boolean,
  load: CommandLoad,
  otherwise: string,
  withinMs = DRAIN_MS,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (load.failure !== undefined) throw load.failure;
    if (performance.now() > end) throw new BenchError(otherwise);
    await pause(2);
  }
  if (load.failure !== undefined) throw load.failure;
}
