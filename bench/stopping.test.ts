import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Results } from "./runner/results.ts";

const STARTED_WITHIN_MS = 90_000;
const RUN_TIMEOUT_MS = 120_000;
/** From the terminal's Ctrl-C to the one that npm passes on. */
const ECHO_AFTER_MS = 50;
let folder: string;
/** Where the run has its stages. */
let temporary: string;
let run: ChildProcessByStdio<null, Readable, Readable>;
let said: string;

/** A run in a process group of its own, as a terminal gives one. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "usher-bench-test-"));
  temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const options = ["--only", "hold-rush", "--peer", "none", "--connections", "4", "--seconds", "1", "--out", folder];
  run = spawn(process.execPath, ["bin/bench.mjs", ...options], {
    cwd: fileURLToPath(new URL("../", import.meta.url)),
    detached: true,
    env: { ...process.env, TMPDIR: temporary, npm_lifecycle_event: "bench" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  said = "";
  for (const output of [run.stdout, run.stderr]) output.on("data", (chunk: Buffer) => (said += chunk.toString()));
});

afterEach(() => {
  if (isThere(-group())) process.kill(-group(), "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const group = (): number => run.pid ?? Number.NaN;

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves with the process of PostgreSQL, once it and the servers have been at work for a round. */
async function untilMeasured(): Promise<number> {
  await vi.waitUntil(() => /round 1 +usher .*\n/.test(said) || run.exitCode !== null, { timeout: STARTED_WITHIN_MS });
  expect(said).toMatch(/round 1 +usher/);
  const [stage = ""] = readdirSync(temporary).filter((name) => name.startsWith("usher-bench-"));
  return Number.parseInt(readFileSync(join(temporary, stage, "database/postgres/postmaster.pid"), "utf8"), 10);
}

async function expectNothingLeft(postgres: number): Promise<void> {
  await vi.waitUntil(() => !isThere(postgres) && !isThere(-group()), { timeout: 20_000 });
  expect(readdirSync(temporary).filter((name) => name.startsWith("usher-bench-"))).toEqual([]);
}

it.each(["SIGINT", "SIGTERM"] as const)(
  "a run that %s stops, which npm passes on once more, reports what it has measured and leaves nothing behind",
  async (signal) => {
    const postgres = await untilMeasured();
    const exit = once(run, "exit");
    process.kill(-group(), signal);
    await setTimeout(ECHO_AFTER_MS);
    process.kill(-group(), signal);
    expect(await exit).toEqual([1, null]);
    expect(said).toMatch(new RegExp(`\nStopped by ${signal}\\.\n$`));
    await expectNothingLeft(postgres);
    const results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as Results; // Just written.
    const [measured] = results.scenarios.flatMap(({ cases }) => cases);
    expect(measured?.subjects.map(({ name, rounds }) => [name, rounds.length > 0])).toEqual([
      ["bare-loop", true],
      ["usher", true],
    ]);
    expect(results.notes).toContain(`The run was broken off: Stopped by ${signal}.`);
    expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("one hot showtime");
  },
  RUN_TIMEOUT_MS,
);

it(
  "a run whose terminal is gone still reports what it has measured",
  async () => {
    const postgres = await untilMeasured();
    const exit = once(run, "exit");
    for (const output of [run.stdout, run.stderr]) output.destroy();
    process.kill(-group(), "SIGHUP");
    expect(await exit).toEqual([1, null]);
    await expectNothingLeft(postgres);
    expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("Stopped by SIGHUP");
  },
  RUN_TIMEOUT_MS,
);

it(
  "a second signal in earnest ends a run at once, and with it all that it has started",
  async () => {
    const postgres = await untilMeasured();
    const exit = once(run, "exit");
    // The run alone, as `kill` reaches it: nobody else tells its servers.
    while (run.exitCode === null) {
      run.kill("SIGINT");
      await setTimeout(ECHO_AFTER_MS);
    }
    expect(await exit).toEqual([130, null]);
    await expectNothingLeft(postgres);
  },
  RUN_TIMEOUT_MS,
);
