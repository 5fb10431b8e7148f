/** The thread that makes snapshots: it is told shard numbers, and answers each with what went wrong, if anything; it also tells the level of each line that it logs. */
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { PostgresJournal, READ_GENTLY } from "../journal/index.ts";
import { halfTime } from "./half-time.ts";
import type { SnapshotAnswer, SnapshotWorkerData } from "./snapshot-thread.ts";
import { takeSnapshot } from "./take-snapshot.ts";

// Whatever serves goes first. Elsewhere than on Linux a thread has no priority of its own, and this would be the process's.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const { connectionString, logLevel } = workerData as SnapshotWorkerData; // What snapshot-thread.ts gave.
const say = (answer: SnapshotAnswer): void => parentPort?.postMessage(answer);
const log = createLogger({ level: logLevel, name: "snapshots", onLine: (level) => say({ type: "line", level }) });
const journal = new PostgresJournal({ connectionString, clock: systemClock, log, readAtMost: READ_GENTLY });

parentPort?.on("message", (shard: number) => {
  takeSnapshot(journal, shard, log, halfTime(systemClock)).then(
    () => say({ type: "taken" }),
    (error: unknown) => say({ type: "failed", problem: String(error) }),
  );
});
