/**
 * `npm run breaks`: breaks the code on purpose, one place after another, and demands that the test named for it notices. A test that
 * cannot fail proves nothing. Works on a copy, so the tree stays as it is.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BREAKS } from "./breaks-list.mjs";
import { failedTests } from "./failed-tests.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const copy = mkdtempSync(join(tmpdir(), "usher-breaks-"));
const only = process.argv[2];
let missed = 0;

try {
  const left = new Set(["node_modules", "dist", ".git", ".usher"]);
  cpSync(root, copy, { recursive: true, filter: (path) => !left.has(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  console.log(`${"law".padEnd(4)} ${"broken".padEnd(76)} noticed by`);
  for (const { law, what, file, find, replace, test } of BREAKS) {
    if (only !== undefined && !what.includes(only)) continue;
    const path = join(copy, file);
    const whole = readFileSync(path, "utf8");
    if (whole.split(find).length !== 2)
      throw new Error(`${file} does not have exactly one ${JSON.stringify(find)}: correct tools/breaks-list.mjs`);
    writeFileSync(
      path,
      whole.replace(find, () => replace),
    );
    const by = noticedBy(test);
    writeFileSync(path, whole);
    if (by !== test) missed++;
    console.log(`${String(law).padEnd(4)} ${what.padEnd(76)} ${by}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(missed === 0 ? "every break was noticed" : `${missed} breaks were not noticed`);
process.exitCode = missed === 0 ? 0 : 1;

function noticedBy(test) {
  try {
    return failedTests(copy, test) > 0 ? test : "NOBODY";
  } catch (error) {
    return `NOT TRIED: ${error.message}`;
  }
}
