import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { coreWork } from "../engine/core.ts";
import { startLoad } from "./remote.ts";

const TINY = 0.005;

it("a process that is profiled has written its profile when it has stopped", async () => {
  const folder = await mkdtemp(join(tmpdir(), "usher-profile-"));
  const profiling = ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-name=engine.cpuprofile"];
  const worker = pathToFileURL(resolve("bench/load/worker.ts"));
  const { load, stop } = startLoad({ kind: "engine", worker, root: resolve("."), profiling });
  try {
    const [work = ""] = coreWork(TINY).keys();
    await load.open({ group: "core", work, share: TINY });
    await stop();
    expect(await readdir(folder)).toEqual(["engine.cpuprofile"]);
  } finally {
    await stop();
    await rm(folder, { recursive: true });
  }
});
