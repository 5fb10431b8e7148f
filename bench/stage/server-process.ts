/** A server under test as a process of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { BenchError } from "../bench-error.ts";

export interface ServerProcess {
  readonly pid: number;
  /** What the wanted lines said: the first match of each pattern's first group. */
  readonly found: readonly string[];
  stop(how?: StopHow): Promise<void>;
}

/** `now` does not wait until it has done what it is doing. */
export type StopHow = "cleanly" | "now";

export interface ServerCommand {
  /** For messages: which server this is. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It has started once each of them has matched a line of its outputs. */
  readonly patterns: readonly RegExp[];
  /** It ended, and nobody had asked it to. */
  onDeath(error: BenchError): void;
}

/** Debian keeps servers where only root looks for them. */
const PATH = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin`;
/** All that a server has of this process's environment: a REDIS_URL or SHARDS would make of it another than is to be measured. */
const environment = (): NodeJS.ProcessEnv => {
  const { HOME, TMPDIR, LANG } = process.env;
  return { PATH, HOME, TMPDIR, LANG };
};
const LAST_WORDS = 5;
const STARTED_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 20_000;

/** @throws BenchError with its last words when it ends before it has started. */
export async function startServer({
  name,
  command,
  cwd,
  env,
  patterns,
  onDeath,
}: ServerCommand): Promise<ServerProcess> {
  const [file, ...args] = command;
  const child = spawn(file, args, { cwd, env: { ...environment(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const lastWords: string[] = [];
  const errors = createInterface({ input: child.stderr });
  errors.on("line", (line) => void (lastWords.push(line) > LAST_WORDS && lastWords.shift()));
  const outputs = [createInterface({ input: child.stdout }), errors];
  const found: (string | undefined)[] = patterns.map(() => undefined);
  let stopping = false;
  const died = (how: string): BenchError =>
    new BenchError([`The server of ${name} ended ${how}.`, ...lastWords.map((line) => `  ${line}`)].join("\n"));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(died(`up not started within ${STARTED_WITHIN_MS / 1_000} s`));
    }, STARTED_WITHIN_MS);
    child.once("error", (error) => reject(notStarted(file, error)));
    // Once its output is read to the end, so that its last words are there.
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      reject(died(`before it had started (${signal ?? `exit code ${code}`})`));
      if (!stopping) onDeath(died(`in the middle of the run (${signal ?? `exit code ${code}`})`));
    });
    const read = (line: string): void => {
      patterns.forEach((pattern, index) => {
        const match = pattern.exec(line);
        if (match !== null) found[index] ??= match[1] ?? match[0];
      });
      if (found.some((text) => text === undefined)) return;
      clearTimeout(timer);
      resolve();
    };
    for (const output of outputs) output.on("line", read);
  });
  return {
    pid: child.pid ?? 0,
    found: found.map((text) => text ?? ""),
    stop: (how = "cleanly") => {
      stopping = true;
      return stop(child, how);
    },
  };
}

/** Why the program cannot be started here, in a sentence; undefined where it can. */
export function whyMissing(program: string): string | undefined {
  const { error } = spawnSync(program, ["--version"], { env: { ...process.env, PATH } });
  return error === undefined ? undefined : notStarted(program, error).message;
}

/** What a program says of itself, such as "7.0.15". */
export function versionOf(program: string): string {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8", env: { ...process.env, PATH } });
  return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? "unknown";
}

/** Servers have the names of their packages in Debian. */
const notStarted = (file: string, error: NodeJS.ErrnoException): BenchError =>
  new BenchError(
    error.code === "ENOENT"
      ? `${file} is not on the PATH: install it (on Debian or Ubuntu: apt-get install ${file}).`
      : `${file} cannot be started: ${error.message}.`,
    { cause: error },
  );

/** SIGTERM, so that it writes its profile; SIGKILL when it takes too long. */
async function stop(child: ChildProcess, how: StopHow): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(how === "now" ? "SIGKILL" : "SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOPPED_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}
