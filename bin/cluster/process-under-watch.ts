/** A program that is to run, and is started again when it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, renameSync, type WriteStream, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";
import { doubledMs } from "../../platform/back-off/index.ts";
import type { Clock, Timer } from "../../platform/clock/index.ts";
import { hasCode } from "../../platform/error-code/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { isTooLong } from "../../platform/log/index.ts";
import type { Leash } from "./leash.ts";

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Variables of ours that are not for it: whoever breaks into it finds them nowhere. */
  readonly withheld?: readonly string[];
  /** It serves when a line on either of its outputs says so, or when its port takes connections. */
  readonly ready: RegExp | { readonly host: string; readonly port: number };
  /** Both outputs go there; of what is too old for it the newest is beside it, as `.1`. */
  readonly logFile: string;
  /** Makes it let nobody in any more, and serve those who are there until they leave. */
  readonly drainSignal?: NodeJS.Signals;
  /** How long it is left when it has ended, in milliseconds, where that is not a quarter of a second. */
  readonly againMs?: number;
  /** How much it yields to the others when the machine is full, see nice(1). */
  readonly niceness?: number;
}

interface Options {
  readonly clock: Clock;
  /** It ends with us. */
  readonly leash: Leash;
  changed(process: ProcessUnderWatch): void;
  /** On either of its outputs. */
  line(line: string): void;
}

export type State = "starting" | "ready" | "ended" | "stopped";

const AGAIN_FIRST_MS = 250;
const AGAIN_LAST_MS = 5_000;
/** One that ran this long is started again as if it had never ended before. */
const STEADY_MS = 5_000;
const KNOCK_EVERY_MS = 50;
const STOP_TIMEOUT_MS = 12_000;
const YIELD_AGAIN_MS = 150;
/** A log that cannot be written is tried again after this. */
const LOG_AGAIN_MS = 1_000;

export class ProcessUnderWatch {
  readonly program: Program;
  restarts = 0;
  startedAt = 0;
  #state: State = "ended";
  #child: ChildProcess | undefined;
  /** Since it last ran for long. */
  #earlyEnds = 0;
  #againTimer: Timer | undefined;
  readonly #options: Options;
  readonly #clock: Clock;

  constructor(program: Program, options: Options) {
    this.program = program;
    this.#options = options;
    this.#clock = options.clock;
  }

  get state(): State {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Settles when it serves. @throws ExplainedError with its last words, and where its log is, when it ends before it ever did */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const words: string[] = [];
      this.#launch({
        isReady: resolve,
        word: (line) => words.push(line) > 5 && words.shift(),
        hasEnded: (code) => {
          this.#set("stopped");
          const { name, logFile } = this.program;
          const end = `${name} ended with ${code ?? "a signal"}: ${words.join(" / ")}`;
          reject(new ExplainedError(`${end} (its log is ${logFile})`));
        },
      });
    });
  }

  /** To be called before what it stands in front of is stopped; it is gone when `stop` says so. */
  drain(): void {
    this.#againTimer?.cancel();
    this.#set("stopped");
    this.#child?.kill(this.program.drainSignal);
  }

  async stop(): Promise<void> {
    this.#againTimer?.cancel();
    const child = this.#child;
    const wasRunning = child !== undefined && child.exitCode === null && child.signalCode === null;
    this.#set("stopped");
    if (!wasRunning) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(STOP_TIMEOUT_MS, () => child.kill("SIGKILL"));
      child.once("exit", () => {
        timer.cancel();
        resolve();
      });
      child.kill("SIGTERM");
    });
  }

  #launch(first?: { isReady(): void; word(line: string): void; hasEnded(code: number | null): void }): void {
    const { command, args, env, withheld = [], ready, logFile, niceness } = this.program;
    const ours = Object.entries(process.env).filter(([name]) => !withheld.includes(name));
    this.#set("starting");
    this.startedAt = this.#clock.monotonic();
    const child = spawn(command, args, {
      env: { ...Object.fromEntries(ours), ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // Ctrl-C is for us alone: we stop them in their order.
    });
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) this.#options.leash.hold(pid);
    if (niceness !== undefined) this.#yield(child, niceness);
    let served = false;
    const serves = (): void => {
      if (served || this.#state === "stopped") return;
      served = true;
      this.#set("ready");
      first?.isReady();
    };
    const outputs = [child.stdout, child.stderr];
    let log: WriteStream;
    const openLog = (): void => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const opened = createWriteStream(logFile, { flags: "a" });
      log = opened;
      // A full disk, or a folder that is gone: what is said meanwhile is lost, but heard, and nobody has to wait to be written down.
      opened.on("error", () => {
        if (opened !== log) return; // Another has taken its place.
        for (const output of outputs) output.resume();
        this.#clock.after(LOG_AGAIN_MS, openLog);
      });
      for (const output of outputs) output.pipe(opened, { end: false });
    };
    const shortenLog = (): void => {
      if (log.destroyed) return; // It could not be written, and is soon opened again.
      for (const output of outputs) output.unpipe(log);
      log.end(); // Into the file that has another name by then.
      try {
        renameSync(logFile, `${logFile}.1`);
      } catch {
        // Not there: it is made anew.
      }
      openLog();
    };
    openLog();
    for (const output of outputs) {
      createInterface({ input: output }).on("line", (line) => {
        if (isTooLong(logFile)) shortenLog();
        first?.word(line);
        this.#options.line(line);
        if (ready instanceof RegExp && ready.test(line)) serves();
      });
    }
    if (!(ready instanceof RegExp)) this.#knock(ready, child, serves);
    child.once("error", (error) => {
      first?.word(error.message);
      if (pid === undefined) child.emit("exit", 1, null);
    });
    child.once("exit", (code: number | null) => {
      log.end();
      if (pid !== undefined) this.#options.leash.release(pid);
      if (this.#state === "stopped") return;
      if (first !== undefined && !served) return first.hasEnded(code);
      this.#again();
    });
  }

  /** Where Linux schedules sessions as groups, see sched(7), only the niceness of the group counts, and each program has its own. */
  #yield(child: ChildProcess, niceness: number): void {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      setPriority(child.pid, niceness);
      writeFileSync(`/proc/${child.pid}/autogroup`, String(niceness));
    } catch (error) {
      // Who is not root may change a group's ten times a second. Any other reason is that it has none.
      if (hasCode(error, "EAGAIN")) this.#clock.after(YIELD_AGAIN_MS, () => this.#yield(child, niceness));
    }
  }

  /** Tries the port until it answers or the process is gone. */
  #knock(at: { host: string; port: number }, child: ChildProcess, serves: () => void): void {
    if (this.#child !== child || child.exitCode !== null || this.#state === "stopped") return;
    const socket = connect(at);
    socket.once("connect", () => {
      socket.destroy();
      serves();
    });
    socket.once("error", () => this.#clock.after(KNOCK_EVERY_MS, () => this.#knock(at, child, serves)));
  }

  #again(): void {
    const ranMs = this.#clock.monotonic() - this.startedAt;
    this.#earlyEnds = ranMs >= STEADY_MS ? 0 : this.#earlyEnds + 1;
    const waitMs = doubledMs(this.program.againMs ?? AGAIN_FIRST_MS, this.#earlyEnds, AGAIN_LAST_MS);
    this.#set("ended");
    this.#againTimer = this.#clock.after(waitMs, () => {
      this.restarts++;
      this.#launch();
    });
  }

  #set(state: State): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.changed(this);
  }
}
