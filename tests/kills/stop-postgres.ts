import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** As `pg_ctl stop -m` has it: `fast` ends all connections and writes a checkpoint, `immediate` leaves recovery to the next start. */
const SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

/** Stops the embedded server under `dataDir`, and waits for its end. Who keeps it starts it again. */
export async function stopPostgres(dataDir: string, how: keyof typeof SIGNALS): Promise<void> {
  const [pid] = (await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n");
  process.kill(Number(pid), SIGNALS[how]);
  while (existsSync(`/proc/${pid}`)) await pause(5);
}
