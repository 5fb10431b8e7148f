/** Where a run took place. */
import { execFileSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import type { Machine } from "./results.ts";

export function describeMachine(loadBefore: number): Machine {
  const [cpu] = cpus();
  return {
    os: `${type()} ${release()}`,
    cpu: cpu?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    loadBefore,
    loadAfter: loadNow(),
  };
}

/** As Linux has it in magic.h. */
const TMPFS = 0x01021994;

/** What is to be said of databases that are kept below the folder: that they have no disk, if so. */
export const diskNotes = (folder: string): readonly string[] =>
  statfsSync(folder).type === TMPFS
    ? [`${folder} is in memory, so what is durable was measured without a disk: set TMPDIR to a folder on one.`]
    : [];

/** Of one minute; 0 where nobody tells. */
export const loadNow = (): number => loadavg()[0] ?? 0;

export function describeVersions(root: string): Record<string, string> {
  const { version, dependencies } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
    version: string;
    dependencies: Record<string, string>;
  }; // Ours.
  return {
    usher: version,
    node: process.versions.node,
    v8: process.versions.v8,
    "uWebSockets.js": dependencies["uWebSockets.js"] ?? "",
    pg: dependencies["pg"] ?? "",
    fastify: dependencies["fastify"] ?? "",
  };
}

/** The commit that is checked out, with a mark when files differ from it. */
export function describeCommit(root: string): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return git("rev-parse", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") === "" ? "" : ", changed");
  } catch {
    return "unknown: not a git checkout";
  }
}
