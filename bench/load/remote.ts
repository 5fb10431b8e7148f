/** Starts a process of the load generator and calls its methods as if it were here. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BenchError } from "../bench-error.ts";
import { HEAP_FLAG } from "../../platform/heap/index.ts";
import type { Answer, Kinds } from "./worker.ts";

/** The methods of a load, each with a promise of what it returns. */
type Methods<Load> = {
  readonly [Name in keyof Load]: Load[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

export interface Remote<Load> {
  readonly pid: number;
  readonly load: Methods<Load>;
  stop(): Promise<void>;
}

interface Options<Kind> {
  readonly kind: Kind;
  /** The program, `worker.ts` or what was built of it. */
  readonly worker: URL;
  /** The checkout's, where it runs. */
  readonly root: string;
  /** Arguments that make Node write a profile when it ends. */
  readonly profiling: readonly string[];
}

/** How long a process may take to write its profile. */
const WRITTEN_WITHIN_MS = 10_000;

export function startLoad<Kind extends keyof Kinds>({
  kind,
  worker,
  root,
  profiling,
}: Options<Kind>): Remote<Kinds[Kind]> {
  const execArgv = worker.pathname.endsWith(".ts") ? ["--import", "./tools/typescript.mjs"] : [];
  const child = fork(fileURLToPath(worker), [kind], {
    cwd: root,
    execArgv: [...execArgv, ...profiling, HEAP_FLAG, "--max-old-space-size=4096"],
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let calls = 0;
  child.on("message", (answer: Answer) => {
    const asker = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) asker?.reject(answer.explained ? new BenchError(answer.error) : new Error(answer.error));
    else asker?.resolve(answer.value);
  });
  child.once("exit", (code, signal) => {
    const error = new BenchError(
      `The load generator ended in the middle of the run (${signal ?? `exit code ${code}`}).`,
    );
    for (const asker of waiting.values()) asker.reject(error);
    waiting.clear();
  });
  // Every property is a method of the load, by its name.
  const load = new Proxy({} as Methods<Kinds[Kind]>, {
    get:
      (_, method: string) =>
      (...args: readonly unknown[]) =>
        new Promise<unknown>((resolve, reject) => {
          const id = ++calls;
          waiting.set(id, { resolve, reject });
          child.send({ id, method, args }, (error) => {
            if (error !== null) reject(new BenchError("The load generator ended in the middle of the run."));
          });
        }),
  });
  return { pid: child.pid ?? 0, load, stop: () => stop(child, profiling.length > 0) };
}

async function stop(child: ChildProcess, writesProfile: boolean): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  if (writesProfile && child.connected) {
    child.disconnect(); // It ends by itself.
    await Promise.race([ended, setTimeout(WRITTEN_WITHIN_MS, undefined, { ref: false })]);
  }
  child.kill("SIGKILL");
  await ended;
}
