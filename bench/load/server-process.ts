/** Servers under test as processes of their own, and what they cost. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export interface ServerProcess {
  readonly pid: number;
  /** What the wanted lines said: the first match of each pattern's first group. */
  readonly found: readonly string[];
  stop(): Promise<void>;
}

/** Starts a process and waits until each pattern has matched a line of its standard output. @throws with its last words when it ends first. */
export async function startServer(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  patterns: readonly RegExp[],
): Promise<ServerProcess> {
  const [file, ...args] = command;
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line) > 20 && errors.shift());
  const found: (string | undefined)[] = patterns.map(() => undefined);
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code}: ${errors.join("\n")}`)));
    lines.on("line", (line) => {
      patterns.forEach((pattern, index) => {
        const match = pattern.exec(line);
        if (match !== null) found[index] ??= match[1] ?? match[0];
      });
      if (found.every((text) => text !== undefined)) resolve();
    });
  });
  return { pid: child.pid ?? 0, found: found.map((text) => text ?? ""), stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

const CLOCK_TICKS_PER_SECOND = 100; // `getconf CLK_TCK`, on every Linux that Node supports.

/** CPU seconds that a process has used, with its threads; 0 where /proc does not tell. */
export function cpuSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** The same over all processes below `pid`, such as PostgreSQL's. */
export function cpuSecondsBelow(pid: number): number {
  let sum = 0;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${entry}/stat`, "utf8").split(") ")[1]?.split(" ")[1]);
      if (parent === pid) sum += cpuSecondsOf(Number(entry)) + cpuSecondsBelow(Number(entry));
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

/** Resident bytes of a process; 0 where /proc does not tell. */
export function residentBytesOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
