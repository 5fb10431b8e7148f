/** The linter and the import rules are held against the mistakes they are there for. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a tool says of files that lie in a folder of their own. */
function run(files: Readonly<Record<string, string>>, tool: string, ...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "usher-rules-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const file = join(ROOT, "node_modules", ".bin", tool);
    const { stdout, stderr } = spawnSync(file, args, { cwd: folder, encoding: "utf8" });
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("the linter", () => {
  const PROMISE = "async function work(): Promise<void> {}\n";
  const REFUSED = [
    ["a promise nobody awaits", `${PROMISE}export function go(): void {\n  work();\n}\n`, "no-floating-promises"],
    [
      "a promise where a callback's result is thrown away",
      `${PROMISE}export function go(list: number[]): void {\n  list.forEach(async () => {\n    await work();\n  });\n}\n`,
      "no-misused-promises",
    ],
    ["an await of nothing", "export async function go(): Promise<void> {\n  await 1;\n}\n", "await-thenable"],
    [
      "a switch that forgets a case",
      'export function go(op: "hold" | "release"): number {\n  switch (op) {\n    case "hold":\n      return 1;\n  }\n  return 0;\n}\n',
      "switch-exhaustiveness-check",
    ],
    ["any", "export const go = (value: any): unknown => value;\n", "no-explicit-any"],
    ["a non-null assertion", "export const go = (list: number[]): number => list[0]!;\n", "no-non-null-assertion"],
    ["a default export", "export default 1;\n", "no-default-export"],
  ] as const;
  const SOUND = `${PROMISE}export async function go(op: "hold" | "release"): Promise<number> {\n  await work();\n  switch (op) {\n    case "hold":\n      return 1;\n    case "release":\n      return 2;\n  }\n}\n`;
  let said: string[];

  // Once for all, since it takes long to begin.
  beforeAll(() => {
    const compilerOptions = { types: [] };
    const files = {
      "tsconfig.json": JSON.stringify({ extends: join(ROOT, "tsconfig.json"), compilerOptions, include: ["*.ts"] }),
      "sound.ts": SOUND,
      ...Object.fromEntries(REFUSED.map(([, source, rule]) => [`${rule}.ts`, source])),
    };
    const config = join(ROOT, ".oxlintrc.json");
    said = run(files, "oxlint", "--config", config, "--type-aware", "--format", "unix", ".").split("\n");
  });

  test.each(REFUSED)("refuses %s", (_what, _source, rule) => {
    expect(said).toContainEqual(expect.stringMatching(new RegExp(`^(\\./)?${rule}\\.ts:.*\\(${rule}\\)`)));
  });

  test("lets sound code pass", () => {
    expect(said.filter((line) => line.includes("sound.ts"))).toEqual([]);
  });
});

describe("the import rules", () => {
  const violations = (files: Readonly<Record<string, string>>): { from: string; rule: string }[] => {
    const folders = [...new Set(Object.keys(files).map((name) => name.split("/")[0] ?? ""))];
    const config = join(ROOT, ".dependency-cruiser.mjs");
    const output = run(files, "depcruise", "--config", config, "--output-type", "json", ...folders);
    const { summary } = JSON.parse(output) as { summary: { violations: { from: string; rule: { name: string } }[] } };
    return summary.violations.map(({ from, rule }) => ({ from, rule: rule.name }));
  };
  const rulesOf = (found: readonly { rule: string }[]): string[] => found.map(({ rule }) => rule);
  const LOG = { "platform/log/index.ts": "export type Logger = string;\nexport const log = 1;\n" };
  const use = (path: string): string => `import { log } from "${path}";\nexport const used = log;\n`;
  const useType = (path: string): string => `import type { Logger } from "${path}";\nexport type Used = Logger;\n`;

  describe("refuse an import", () => {
    const REFUSED = [
      ["the core, of platform", "engine/core/decide.ts", use("../../platform/log/index.ts"), "the-core-is-pure"],
      [
        "the core, of a type of platform",
        "engine/core/evolve.ts",
        useType("../../platform/log/index.ts"),
        "the-core-is-pure",
      ],
      ["the core, of a module of Node", "engine/core/snapshot.ts", 'import "node:fs";\n', "the-core-is-pure"],
      ["proto, of anything", "proto/ids.ts", use("../platform/log/index.ts"), "proto-imports-only-itself-proto"],
      [
        "the client, of platform",
        "client/index.ts",
        use("../platform/log/index.ts"),
        "client-imports-only-itself-proto",
      ],
    ] as const;
    let found: ReturnType<typeof violations>;

    beforeAll(() => {
      found = violations({ ...LOG, ...Object.fromEntries(REFUSED.map(([, file, source]) => [file, source])) });
    });

    test.each(REFUSED)("by %s", (_what, file, _source, rule) => {
      expect(found).toContainEqual({ from: file, rule });
    });
  });

  test("refuse the private file of a folder, a service that knows another, the ends, and a cycle", () => {
    const found = violations({
      ...LOG,
      "platform/log/logger.ts": "export const log = 1;\n",
      "edge/index.ts": use("../platform/log/logger.ts"),
      "services/identity/index.ts": "export const log = 1;\n",
      "services/bookings/index.ts": use("../identity/index.ts"),
      "bin/usher.ts": "export const log = 1;\n",
      "platform/bus/index.ts": use("../../bin/usher.ts"),
      "engine/one.ts": 'import { two } from "./two.ts";\nexport const one: number = two;\n',
      "engine/two.ts": 'import { one } from "./one.ts";\nexport const two: number = one;\n',
    });
    expect(rulesOf(found)).toEqual(
      expect.arrayContaining([
        "one-door-a-folder-from-above",
        "services-do-not-know-each-other",
        "nobody-imports-the-ends",
        "no-cycles",
      ]),
    );
  });

  test.each([
    ["the folder beside it", "edge/fan-out/index.ts", "../sessions/session.ts", "one-door-a-folder"],
    ["a file above it in the edge", "edge/edge.ts", "./sessions/session.ts", "one-door-a-folder-from-above"],
    ["a file above it in the engine", "engine/engine.ts", "./shard/log.ts", "one-door-a-folder-from-above"],
  ] as const)("refuse an import past a folder's door, by %s", (_what, from, path, rule) => {
    const log = "export const log = 1;\n";
    const found = violations({ "edge/sessions/session.ts": log, "engine/shard/log.ts": log, [from]: use(path) });
    expect(found).toEqual([{ from, rule }]);
  });

  test("refuse an engine that loads a domain, whichever way it comes to it", () => {
    const found = violations({
      "services/identity/index.ts": "export const log = 1;\n",
      "bin/parts/database/migrations.ts": use("../../../services/identity/index.ts"),
      "bin/commands/engine.ts":
        'import { used } from "../parts/database/migrations.ts";\nexport const engine = used;\n',
    });
    expect(rulesOf(found)).toContain("engines-and-edges-load-no-domain");
  });

  test("let the allowed ways pass", () => {
    const found = violations({
      ...LOG,
      "engine/shard/shard.ts": use("../../platform/log/index.ts"),
      "engine/shard/index.ts": 'export * from "./shard.ts";\n',
      "engine/engine.ts": 'export * from "./shard/index.ts";\n',
      "platform/http/index.ts": use("../log/index.ts"),
      "services/identity/index.ts": 'export * from "../../platform/http/index.ts";\n',
    });
    expect(found).toEqual([]);
  });
});
