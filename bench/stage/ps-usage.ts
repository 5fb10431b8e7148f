/** What processes use, as `ps` tells where there is no /proc, as on macOS. Of processes that have ended nobody tells there. */
import { spawnSync } from "node:child_process";
import type { ProcessUsage } from "./process-usage.ts";

interface Line {
  readonly parent: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

// One option a column: what follows an equals sign is a heading to macOS, to its end.
const ARGS = ["-A", "-o", "pid=", "-o", "ppid=", "-o", "time=", "-o", "rss="];

let inThisTurn: ReadonlyMap<number, Line> | undefined;

/** By process id. It takes some ms, so that one reading serves whoever asks in one turn of the loop. */
function linesNow(): ReadonlyMap<number, Line> {
  if (inThisTurn !== undefined) return inThisTurn;
  // Another language may have another decimal point.
  const { stdout } = spawnSync("ps", ARGS, { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  setImmediate(() => (inThisTurn = undefined));
  return (inThisTurn = readLines(stdout));
}

/** @param text null where there is no `ps` */
function readLines(text: string | null): ReadonlyMap<number, Line> {
  const lines = new Map<number, Line>();
  for (const line of text?.split("\n") ?? []) {
    const [pid, parent, time = "", kibibytes] = line.trim().split(/\s+/);
    if (kibibytes === undefined) continue;
    lines.set(Number(pid), {
      parent: Number(parent),
      cpuSeconds: secondsOfTime(time),
      residentBytes: Number(kibibytes) * 1024,
    });
  }
  return lines;
}

/** @param time [[dd-]hh:]mm:ss[.ff]; on macOS minutes go on after 59 */
export function secondsOfTime(time: string): number {
  const [clock = "", days = "0"] = time.split("-").reverse();
  return clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400;
}

function cpuSecondsOf(pid: number): number | undefined {
  const lines = linesNow();
  const own = lines.get(pid);
  if (own === undefined) return undefined;
  const children = [...lines].filter(([, { parent }]) => parent === pid);
  return children.reduce((sum, [child]) => sum + (cpuSecondsOf(child) ?? 0), own.cpuSeconds);
}

const residentBytesOf = (pid: number): number | undefined => linesNow().get(pid)?.residentBytes;

export const psUsage: ProcessUsage = { cpuSecondsOf, residentBytesOf };
