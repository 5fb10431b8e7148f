/** What is told of a process, whoever tells it. */
export interface ProcessUsage {
  /** CPU seconds of a process, its threads, and all processes it has begun; undefined where nobody tells. */
  cpuSecondsOf(this: void, pid: number): number | undefined;
  residentBytesOf(this: void, pid: number): number | undefined;
}
