import { readFileSync } from "node:fs";
import { LIMITS } from "../limits.ts";

/** How many files and sockets this process may have open, as Linux tells (proc_pid_limits(5)); Node has raised it as far as it may. */
export function openFilesMax(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? LIMITS.descriptorsAssumed : Number(soft);
  } catch {
    return LIMITS.descriptorsAssumed; // Not Linux.
  }
}
