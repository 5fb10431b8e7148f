/** Programs that a test runs beside itself, and that end with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface Launch {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it says, on either output, once it serves. */
  readonly ready: RegExp;
}

export class Program {
  output = "";
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<number | null>;

  private constructor({ name, command: [file = "", ...args], env, cwd }: Launch) {
    this.#name = name;
    const { PATH = "" } = process.env;
    this.#child = spawn(file, args, {
      env: { PATH: `${PATH}:/usr/local/sbin:/usr/sbin`, ...env },
      ...(cwd !== undefined && { cwd }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.#ended = once(this.#child, "close").then(([code]: (number | null)[]) => code ?? null);
  }

  /** Settles when it serves. @throws with what it said when it ends before */
  static async start(launch: Launch): Promise<Program> {
    const program = new Program(launch);
    while (!launch.ready.test(program.output)) {
      const streams = [program.#child.stdout, program.#child.stderr].filter((stream) => stream !== null);
      const more = Promise.race(streams.map((stream) => once(stream, "data"))).then(() => "more" as const);
      if ((await Promise.race([more, program.#ended])) !== "more")
        throw new Error(`${program.#name} ended: ${program.output}`);
    }
    return program;
  }

  /** Runs it to its end. */
  static async run(launch: Omit<Launch, "ready">): Promise<{ code: number | null; output: string }> {
    const program = new Program({ ...launch, ready: /$^/ });
    return { code: await program.#ended, output: program.output };
  }

  /** @returns its exit code */
  stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.#ended;
  }

  get ended(): Promise<number | null> {
    return this.#ended;
  }
}
