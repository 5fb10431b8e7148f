import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createProfiles } from "./profiles.ts";

/** Ends while its thread is still there, once that has burnt some CPU. */
const PROGRAM = `
  const { Worker } = require("node:worker_threads");
  const thread = new Worker(\`
    const burnInThread = () => { const end = performance.now() + 100; while (performance.now() < end); };
    burnInThread();
    require("node:worker_threads").parentPort.postMessage("burnt");
    setInterval(() => undefined, 1_000);
  \`, { eval: true });
  const burnInMain = () => { const end = performance.now() + 100; while (performance.now() < end); };
  burnInMain();
  thread.once("message", () => process.exit());`;

it("each process leaves its profile, and each of its threads, named for it; who left none is said", () => {
  const dir = mkdtempSync(join(tmpdir(), "usher-bench-test-"));
  try {
    const profiles = createProfiles(dir);
    for (const name of ["engine", "engine"]) {
      expect(spawnSync(process.execPath, [...profiles.argumentsFor(name), "-e", PROGRAM]).status).toBe(0);
    }
    profiles.argumentsFor("killed");
    expect(profiles.gather()).toEqual(["killed"]);
    const files = readdirSync(dir).sort();
    expect(files).toEqual([
      expect.stringMatching(/^engine-\d+-1-thread-1\.cpuprofile$/),
      expect.stringMatching(/^engine-\d+-1\.cpuprofile$/),
      expect.stringMatching(/^engine-\d+-2-thread-1\.cpuprofile$/),
      expect.stringMatching(/^engine-\d+-2\.cpuprofile$/),
    ]);
    const whose = files.map((file) => /burnIn(Thread|Main)/.exec(readFileSync(join(dir, file), "utf8"))?.[1]);
    expect(whose).toEqual(["Thread", "Main", "Thread", "Main"]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it("asks for none where none are wanted", () => {
  expect(createProfiles(undefined).argumentsFor("engine")).toEqual([]);
});
