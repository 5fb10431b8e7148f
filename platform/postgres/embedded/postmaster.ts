import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../../error-code/index.ts";

/** What `postmaster.pid` says; PostgreSQL writes and removes it (src/include/utils/pidfile.h). */
export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

/** Undefined when there is none, or it is being written. */
export function readPidFile(cluster: string): PidFile | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  const [pid, , , port, , , , status] = lines;
  if (pid === undefined || !/^\d+$/.test(pid)) return undefined;
  return { pid: Number(pid), port: Number(port ?? 0), ready: status?.trim() === "ready" };
}

/** The server that lives on this cluster, whoever started it. A stale file, or one whose pid is another process now, is none. */
export function findPostmaster(cluster: string): PidFile | undefined {
  const file = readPidFile(cluster);
  return file !== undefined && isPostmaster(file.pid, cluster) ? file : undefined;
}

/** PostgreSQL will not start while its pid file names a live process, though that be no server: the pid was used again. */
export function removeStalePidFile(cluster: string): void {
  const file = readPidFile(cluster);
  if (file !== undefined && !isPostmaster(file.pid, cluster)) rmSync(join(cluster, "postmaster.pid"), { force: true });
}

/** A postmaster's working directory is its cluster. Where that may not be read, its command line names the cluster. */
export function isPostmaster(pid: number, cluster: string): boolean {
  if (process.platform !== "linux") {
    return spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout.includes(cluster);
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster);
  } catch (error) {
    // Root without CAP_SYS_PTRACE, as in most containers, may not look.
    if (!hasCode(error, "EACCES")) return false;
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(cluster);
  }
}

/** PostgreSQL's words for shutting down (its manual, 18.5): `fast` writes a checkpoint, `immediate` leaves recovery to the next start. */
export type Shutdown = "fast" | "immediate" | "kill";
const SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT", kill: "SIGKILL" } as const satisfies Record<Shutdown, string>;

/** Does nothing when the process has ended already. */
export function signal(pid: number, shutdown: Shutdown): void {
  try {
    process.kill(pid, SIGNALS[shutdown]);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
