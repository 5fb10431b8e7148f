import { spawn } from "node:child_process";
import { createWriteStream, existsSync, type WriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../clock/index.ts";
import { createLogger } from "../log/index.ts";
import { Lifecycle } from "./lifecycle.ts";
import { stopOnSignals } from "./signals.ts";

const log = createLogger({ name: "test", level: "silent" });
type Signal = "SIGHUP" | "SIGINT" | "SIGTERM";

describe("stop on signals", () => {
  let clock: VirtualClock;
  let signal: (name: Signal) => void;
  let exits: number[];
  let finishStop: (how?: Error) => void;
  let env: Record<string, string>;
  beforeEach(async () => {
    clock = new VirtualClock();
    exits = [];
    const listeners = new Map<Signal, (signal: Signal) => void>();
    signal = (name) => listeners.get(name)?.(name);
    env = {};
    const process = {
      env,
      on: listeners.set.bind(listeners),
      off: () => undefined,
      exit: (code: number) => void exits.push(code),
    };
    const lifecycle = new Lifecycle({ clock, log, stopTimeoutMs: 60_000 });
    const stop = (): Promise<void> =>
      new Promise((resolve, reject) => (finishStop = (error) => (error === undefined ? resolve() : reject(error))));
    await lifecycle.start({ name: "part", start: () => undefined, stop });
    stopOnSignals({ process, lifecycle, clock, log });
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("exits with 0 after a clean stop on %s", async (name) => {
    signal(name);
    await clock.settle();
    expect(exits).toEqual([]);
    finishStop();
    await clock.settle();
    expect(exits).toEqual([0]);
  });

  it("exits with 1 when a part did not stop cleanly", async () => {
    signal("SIGTERM");
    await clock.settle();
    finishStop(new Error("on purpose"));
    await clock.settle();
    expect(exits).toEqual([1]);
  });

  it("ends at once on a second Ctrl-C, but not on the echo of the first", async () => {
    signal("SIGINT");
    await clock.advance(50);
    signal("SIGINT");
    expect(exits).toEqual([]);
    await clock.advance(1000);
    signal("SIGINT");
    expect(exits).toEqual([130]);
  });

  it("knows an echo of npm, which may come late, and takes one alone for it", async () => {
    env["npm_lifecycle_event"] = "cluster";
    signal("SIGINT");
    await clock.advance(1_500);
    signal("SIGINT");
    expect(exits).toEqual([]);
    signal("SIGINT");
    expect(exits).toEqual([130]);
  });
});

describe("a process of its own", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const children: ReturnType<typeof spawn>[] = [];
  let program: string;
  beforeAll(async () => {
    const source = `
      import { systemClock } from "./platform/clock/index.ts";
      import { createLogger } from "./platform/log/index.ts";
      import { Lifecycle, stopOnSignals } from "./platform/lifecycle/index.ts";
      const log = createLogger({ name: "test", level: process.argv.includes("talkative") ? "info" : "silent" });
      const lifecycle = new Lifecycle({ clock: systemClock, log, stopTimeoutMs: 60_000 });
      stopOnSignals({ process, lifecycle, clock: systemClock, log });
      const say = (what) => process.stdout.write(what + "\\n");
      const stuck = process.argv.includes("stuck");
      setInterval(() => {}, 1000);
      await lifecycle.start({ name: "first", start: () => {}, stop: () => say("first stopped") });
      await lifecycle.start({
        name: "second",
        start: () => say("ready"),
        stop: () => (say("second stopping"), stuck ? new Promise(() => {}) : undefined),
      });`;
    const bundle = await build({
      stdin: { contents: source, resolveDir: root, loader: "ts" },
      bundle: true,
      write: false,
      platform: "node",
      format: "esm",
      packages: "external",
    });
    program = bundle.outputFiles[0]?.text ?? "";
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** Runs the program, does what `onLine` says at each line of its output, and tells how it ended. */
  async function run(
    mode: string,
    onLine: (line: string, kill: (signal: Signal) => void) => void,
    stderr: "inherit" | WriteStream = "inherit",
  ): Promise<{ code: unknown; lines: string[] }> {
    const args = ["--input-type=module", "--eval", program, mode];
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", stderr] });
    children.push(child);
    const exit = once(child, "exit");
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      onLine(line, (signal) => child.kill(signal));
    }
    const [code] = await exit;
    return { code, lines };
  }

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("stops everything in reverse on %s", async (signal) => {
    const { code, lines } = await run("clean", (line, kill) => line === "ready" && kill(signal));
    expect(lines).toEqual(["ready", "second stopping", "first stopped"]);
    expect(code).toBe(0);
  });

  it.runIf(existsSync("/dev/full"))("stops as cleanly where nobody can read its log any more", async () => {
    const full = createWriteStream("/dev/full");
    await once(full, "open");
    const { code, lines } = await run("talkative", (line, kill) => line === "ready" && kill("SIGHUP"), full);
    full.destroy();
    expect(lines).toEqual(["ready", "second stopping", "first stopped"]);
    expect(code).toBe(0);
  });

  it("ends at once on a second Ctrl-C", async () => {
    let again: NodeJS.Timeout | undefined;
    const { code, lines } = await run("stuck", (line, kill) => {
      if (line === "ready") kill("SIGINT");
      if (line === "second stopping") again = setInterval(() => kill("SIGINT"), 50);
    });
    clearInterval(again);
    expect(lines).toEqual(["ready", "second stopping"]);
    expect(code).toBe(130);
  });
});
