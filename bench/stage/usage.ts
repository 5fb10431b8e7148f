/** What processes use; where nobody tells, the report has dashes. */
import { existsSync } from "node:fs";
import { procUsage } from "./proc-usage.ts";
import { psUsage } from "./ps-usage.ts";

export const { cpuSecondsOf, residentBytesOf } = existsSync("/proc/self/stat") ? procUsage : psUsage;

/** Sum over several; undefined where nobody tells of one of them. */
export function cpuSecondsOfAll(pids: readonly number[]): number | undefined {
  let sum = 0;
  for (const pid of pids) {
    const seconds = cpuSecondsOf(pid);
    if (seconds === undefined) return undefined;
    sum += seconds;
  }
  return sum;
}
