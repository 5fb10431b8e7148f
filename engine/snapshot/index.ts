export { SnapshotSchedule, type SnapshotTaker } from "./snapshot-schedule.ts";
export { SnapshotThread } from "./snapshot-thread.ts";
export { takeSnapshot } from "./take-snapshot.ts";
