import { type ChildProcess, spawn } from "node:child_process";

/**
 * Reads which processes live, a line with all of them at each change, until the pipe ends: then whoever wrote is gone, and they are to
 * go too. A line that was cut off does not count.
 */
const SCRIPT = `
living=
while read -r line; do living=$line; done
[ -n "$living" ] || exit 0
kill -TERM $living
sleep 3
kill -KILL $living`;

/** Ends the programs of a cluster once the process that watches them is gone, however it went: a SIGKILL leaves none behind. */
export class Leash {
  readonly #pids = new Set<number>();
  readonly #holder: ChildProcess;

  constructor() {
    // In a group of its own: Ctrl-C is for us alone.
    this.#holder = spawn("sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    this.#holder.once("error", () => undefined); // No shell: then only an orderly end ends them.
    this.#holder.stdin?.on("error", () => undefined); // Somebody has ended it.
    this.#holder.unref();
  }

  hold(pid: number): void {
    this.#pids.add(pid);
    this.#tell();
  }

  release(pid: number): void {
    this.#pids.delete(pid);
    this.#tell();
  }

  /** Those that live still are ended. */
  close(): void {
    this.#holder.stdin?.end();
  }

  #tell(): void {
    this.#holder.stdin?.write(`${[...this.#pids].join(" ")}\n`);
  }
}
