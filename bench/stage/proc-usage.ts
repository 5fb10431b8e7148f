/** What processes use, as Linux tells under /proc. */
import { readdirSync, readFileSync } from "node:fs";
import type { ProcessUsage } from "./process-usage.ts";

const CLOCK_TICKS_PER_SECOND = 100; // `getconf CLK_TCK`, on every Linux that Node supports.

/** With its children, also such as have ended. */
function cpuSecondsOf(pid: number): number | undefined {
  const own = ticksOf(pid);
  if (own === undefined) return undefined;
  return own / CLOCK_TICKS_PER_SECOND + childrenOf(pid).reduce((sum, child) => sum + (cpuSecondsOf(child) ?? 0), 0);
}

function residentBytesOf(pid: number): number | undefined {
  const status = read(`/proc/${pid}/status`);
  const kilobytes = status === undefined ? undefined : /VmRSS:\s+(\d+) kB/.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** User and system time, its own and that of children it has waited for. */
function ticksOf(pid: number): number | undefined {
  const fields = read(`/proc/${pid}/stat`)?.split(") ")[1]?.split(" ");
  return fields?.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

function childrenOf(pid: number): number[] {
  const children: number[] = [];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const list = read(`/proc/${pid}/task/${task}/children`) ?? "";
      for (const child of list.split(" ")) if (child !== "") children.push(Number(child));
    }
  } catch {
    // It has ended.
  }
  return children;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

export const procUsage: ProcessUsage = { cpuSecondsOf, residentBytesOf };
