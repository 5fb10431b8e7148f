import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** What `pg_ctl stop -m immediate` does: the embedded server under `dataDir` quits without a checkpoint (SIGQUIT). Waits for its end. */
export async function stopImmediately(dataDir: string): Promise<void> {
  const [pid] = (await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n");
  process.kill(Number(pid), "SIGQUIT");
  while (existsSync(`/proc/${pid}`)) await pause(5);
}
