import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, it, type TestContext, vi } from "vitest";
import type { Results } from "./runner/results.ts";

const STARTED_WITHIN_MS = 90_000;
const RUN = { timeout: 120_000 };
/** From the terminal's Ctrl-C to the one that npm passes on. */
const ECHO_AFTER_MS = 50;

const positive: unknown = expect.toSatisfy((value: number) => value > 0);

interface Bench {
  readonly folder: string;
  /** Where the run has its stages. */
  readonly temporary: string;
  readonly run: ChildProcessByStdio<null, Readable, Readable>;
  /** All that it has said until now. */
  readonly said: () => string;
  readonly group: number;
}

/** A run in a process group of its own, as a terminal gives one, until the test ends. */
function begin({ onTestFinished }: TestContext): Bench {
  const folder = mkdtempSync(join(tmpdir(), "usher-bench-test-"));
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const options = ["--only", "hold-rush", "--peer", "none", "--connections", "4", "--seconds", "1", "--out", folder];
  const run = spawn(process.execPath, ["bin/bench.mjs", ...options], {
    cwd: fileURLToPath(new URL("../", import.meta.url)),
    detached: true,
    env: { ...process.env, TMPDIR: temporary, npm_lifecycle_event: "bench" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const output of [run.stdout, run.stderr]) output.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const group = run.pid ?? Number.NaN;
  onTestFinished(() => {
    if (isThere(-group)) process.kill(-group, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, temporary, run, said: () => said, group };
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves with the process of PostgreSQL, once it and the servers have been at work for a round. */
async function untilMeasured({ run, said, temporary }: Bench): Promise<number> {
  await vi.waitUntil(() => /round 1 +usher .*\n/.test(said()) || run.exitCode !== null, { timeout: STARTED_WITHIN_MS });
  expect(said()).toMatch(/round 1 +usher/);
  const [stage = ""] = readdirSync(temporary).filter((name) => name.startsWith("usher-bench-"));
  return Number.parseInt(readFileSync(join(temporary, stage, "database/postgres/postmaster.pid"), "utf8"), 10);
}

async function expectNothingLeft({ group, temporary }: Bench, postgres: number): Promise<void> {
  await vi.waitUntil(() => !isThere(postgres) && !isThere(-group), { timeout: 20_000 });
  expect(readdirSync(temporary).filter((name) => name.startsWith("usher-bench-"))).toEqual([]);
}

it.concurrent.for(["SIGINT", "SIGTERM"] as const)(
  "a run that %s stops, which npm passes on once more, reports what it has measured and leaves nothing behind",
  RUN,
  async (signal, context) => {
    const bench = begin(context);
    const { folder, run, said, group } = bench;
    const postgres = await untilMeasured(bench);
    const exit = once(run, "exit");
    process.kill(-group, signal);
    await setTimeout(ECHO_AFTER_MS);
    process.kill(-group, signal);
    expect(await exit).toEqual([1, null]);
    expect(said()).toMatch(new RegExp(`\nStopped by ${signal}\\.\n$`));
    await expectNothingLeft(bench, postgres);
    const results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as Results; // Just written.
    const [measured] = results.scenarios.flatMap(({ cases }) => cases);
    expect(measured?.subjects.map(({ name, rounds }) => [name, rounds.length > 0])).toEqual([
      ["bare-loop", true],
      ["usher", true],
    ]);
    expect(measured?.subjects[0]?.rounds[0]).toMatchObject({
      count: positive,
      figures: { "done a server CPU s": positive },
      latencies: { latency: expect.anything() },
    });
    expect(results.notes).toContain(`The run was broken off: Stopped by ${signal}.`);
    expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("one hot showtime");
  },
);

it.concurrent("a run whose terminal is gone still reports what it has measured", RUN, async (context) => {
  const bench = begin(context);
  const { folder, run, group } = bench;
  const postgres = await untilMeasured(bench);
  const exit = once(run, "exit");
  for (const output of [run.stdout, run.stderr]) output.destroy();
  process.kill(-group, "SIGHUP");
  expect(await exit).toEqual([1, null]);
  await expectNothingLeft(bench, postgres);
  expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("Stopped by SIGHUP");
});

it.concurrent(
  "a second signal in earnest ends a run at once, and with it all that it has started",
  RUN,
  async (context) => {
    const bench = begin(context);
    const { run } = bench;
    const postgres = await untilMeasured(bench);
    const exit = once(run, "exit");
    // The run alone, as `kill` reaches it: nobody else tells its servers.
    while (run.exitCode === null) {
      run.kill("SIGINT");
      await setTimeout(ECHO_AFTER_MS);
    }
    expect(await exit).toEqual([130, null]);
    await expectNothingLeft(bench, postgres);
  },
);
