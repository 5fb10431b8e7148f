import { readFileSync } from "node:fs";
import { LIMITS } from "../limits.ts";

/** Connections that the edge may have, where the process's other port may have `others`. That leaves it half of what there is at least. */
export function connectionsBorne(descriptors: number, others: number): number {
  const borne = Math.floor(descriptors * LIMITS.descriptorShare);
  return Math.max(borne - others, Math.floor(borne / 2));
}

/** How many files and sockets this process may have open, as Linux tells (proc_pid_limits(5)); Node has raised it as far as it may. */
export function openFilesMax(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? LIMITS.descriptorsAssumed : Number(soft);
  } catch {
    return LIMITS.descriptorsAssumed; // Not Linux.
  }
}
