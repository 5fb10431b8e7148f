import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * The names of the tests of `path` that fail in the tree at `root`. That vitest fails is not enough: it also does so when a file does not parse,
 * a path names no test, or what the tests need does not start.
 *
 * @returns {string[]}
 * @throws {Error} when vitest failed although none of its tests did
 */
export function failedTests(root, path) {
  const folder = mkdtempSync(join(tmpdir(), "usher-report-"));
  try {
    const report = join(folder, "report.json");
    const vitest = ["node_modules/vitest/vitest.mjs", "run", path, "--reporter=json", `--outputFile=${report}`];
    const { status, stdout, stderr } = spawnSync(process.execPath, vitest, {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    const failed = failedIn(report);
    if (status !== 0 && failed.length === 0)
      throw new Error(`no test of ${path} failed, and yet vitest did:\n${stdout}${stderr}`);
    return failed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function failedIn(report) {
  let files;
  try {
    files = JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    return []; // Vitest ended before it wrote it.
  }
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  return tests.filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
}
