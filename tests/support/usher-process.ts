/** The built program as whoever runs it sees it: a process with settings, a standard output, two ports and an end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../platform/network/index.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** `all`, everything in one process, or `cluster`, the same behind one entry: `USHER_UNDER_TEST=cluster npx vitest run tests/contract`. */
const FORM = process.env["USHER_UNDER_TEST"] || "all";

export type Settings = Readonly<Record<string, string>>;

export interface Ending {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const temporaryDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), "usher-process-"));
export const removeDirectory = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/** Runs the command to its end. */
export function usher(args: readonly string[], settings: Settings): Promise<Ending> {
  return new Launch(args, settings).ended;
}

/** Nobody may listen yet at a port that was given out before. */
const givenOut: number[] = [];

/** For a process that has to come back at the same port. */
export async function freePort(): Promise<number> {
  const ports = await freePorts(1, givenOut);
  givenOut.push(...ports);
  return ports[0] as number; // The cast: one was asked for.
}

export class UsherProcess {
  readonly httpPort: number;
  readonly wsPort: number;
  readonly #launch: Launch;

  private constructor(launch: Launch, httpPort: number, wsPort: number) {
    this.#launch = launch;
    this.httpPort = httpPort;
    this.wsPort = wsPort;
  }

  /** `usher all`, or what `USHER_UNDER_TEST` names, from its start to `ready`, on free ports where the settings name none. */
  static async start(settings: Settings): Promise<UsherProcess> {
    const ports = { HTTP_PORT: "0", WS_PORT: "0", ...(FORM === "cluster" && { HTTPS_PORT: "0" }) };
    const launch = new Launch([FORM], { ...ports, LOG_LEVEL: "warn", ...settings });
    await launch.said(/^ready$/m);
    const [, httpPort] = await launch.said(/page +http:\/\/[^/]*:(\d+)\//);
    const [, wsPort] = await launch.said(/WebSocket +ws:\/\/[^/]*:(\d+)\/v1/);
    return new UsherProcess(launch, Number(httpPort), Number(wsPort));
  }

  get stdout(): string {
    return this.#launch.stdout;
  }

  get stderr(): string {
    return this.#launch.stderr;
  }

  get ended(): Promise<Ending> {
    return this.#launch.ended;
  }

  /** Waits for the end of the process. */
  end(signal: "SIGTERM" | "SIGKILL" | "SIGINT"): Promise<Ending> {
    this.#launch.child.kill(signal);
    return this.ended;
  }
}

/** A command that was begun. */
export class Launch {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  stdout = "";
  stderr = "";
  readonly #onLine = new Set<() => void>();

  /** @param openFiles that it may have; without, as many as we */
  constructor(args: readonly string[], settings: Settings, openFiles?: number) {
    const { PATH, HOME } = process.env;
    const limited = openFiles === undefined ? [] : ["sh", "-c", `ulimit -n ${openFiles} && exec "$@"`, "sh"];
    const [command = "", ...rest] = [...limited, process.execPath, join(ROOT, "bin/usher.mjs"), ...args];
    this.child = spawn(command, rest, {
      env: { ...(PATH !== undefined && { PATH }), ...(HOME !== undefined && { HOME }), ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#read("stdout");
    this.#read("stderr");
    this.ended = once(this.child, "close").then(([code]: (number | null)[]) => ({
      code: code ?? null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Until standard output has it. @throws when the process ends before */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      const line = new Promise<undefined>((resolve) => this.#onLine.add(() => resolve(undefined)));
      const ending = await Promise.race([line, this.ended]);
      if (ending !== undefined)
        throw new Error(`usher ended (${ending.code}) before it said ${pattern}: ${ending.stderr}`);
    }
  }

  #read(from: "stdout" | "stderr"): void {
    const stream = this.child[from];
    if (stream === null) throw new Error(`${from} is not piped`);
    createInterface({ input: stream }).on("line", (line) => {
      this[from] += `${line}\n`;
      for (const wake of this.#onLine) wake();
      this.#onLine.clear();
    });
  }
}
