import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "../../platform/testing/until.ts";

const DONE = "-- done --";

/** One `bash` that is typed into block by block, and ends with the first command that fails. */
export class Shell {
  readonly #bash: ChildProcessWithoutNullStreams;
  #stdout = "";
  #stderr = "";

  constructor(cwd: string) {
    this.#bash = spawn("bash", ["-euo", "pipefail"], { cwd });
    this.#bash.stdout.on("data", (text: Buffer) => (this.#stdout += text.toString()));
    this.#bash.stderr.on("data", (text: Buffer) => (this.#stderr += text.toString()));
  }

  /** @returns what it wrote to standard output. @throws when a command fails, with all that was said */
  async run(code: string): Promise<string> {
    this.#stdout = "";
    this.#bash.stdin.write(`${code}\necho; echo "${DONE}"\n`);
    await until(
      () => this.#bash.exitCode !== null || this.#stdout.endsWith(`\n${DONE}\n`),
      () => `the end of\n${code}${this.#stdout}${this.#stderr}`,
    );
    if (this.#bash.exitCode !== null) throw new Error(`bash ended\n${code}${this.#stdout}${this.#stderr}`);
    return this.#stdout.slice(0, -DONE.length - 2).trim();
  }

  async end(): Promise<void> {
    if (this.#bash.exitCode !== null) return;
    const ended = once(this.#bash, "exit");
    this.#bash.stdin.end();
    await ended;
  }
}
