/**
 * `npm run breaks [-- WORDS]`: breaks the code on purpose, one place after another, and demands that the test named for it notices; of those
 * whose description has WORDS only. A test that cannot fail proves nothing, nor does one that fails anyway: each is seen to
 * pass first. Works on a copy, so the tree stays as it is.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BREAKS } from "./breaks-list.mjs";
import { failedTests } from "./failed-tests.mjs";
import { run, Stop } from "./stop.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const words = process.argv[2] ?? "";

await run(() => {
  const chosen = BREAKS.filter(({ what }) => what.includes(words));
  if (chosen.length === 0) throw new Stop(`No break's description has "${words}": see tools/breaks-list.mjs.`);
  const copy = mkdtempSync(join(tmpdir(), "usher-breaks-"));
  try {
    const left = new Set(["node_modules", "dist", ".git", ".usher"]);
    cpSync(root, copy, { recursive: true, filter: (path) => !left.has(basename(path)) });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const missed = breakEach(copy, chosen);
    if (missed > 0) throw new Stop(`${missed} of ${chosen.length} breaks were not noticed.`);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  console.log("every break was noticed");
});

/** Answers how many nobody noticed. */
function breakEach(copy, breaks) {
  const passing = new Set();
  let missed = 0;
  console.log(`${"law".padEnd(4)} ${"broken".padEnd(76)} noticed by`);
  for (const { law, what, file, find, replace, test } of breaks) {
    const path = join(copy, file);
    const whole = readFileSync(path, "utf8");
    if (whole.split(find).length !== 2)
      throw new Stop(`${file} does not have exactly one ${JSON.stringify(find)}: correct tools/breaks-list.mjs.`);
    if (!passing.has(test)) {
      const [red] = failedTests(copy, test);
      if (red !== undefined) throw new Stop(`${test} fails before anything is broken: "${red}".`);
      passing.add(test);
    }
    writeFileSync(
      path,
      whole.replace(find, () => replace),
    );
    const { isNoticed, by } = noticedBy(copy, test);
    writeFileSync(path, whole);
    if (!isNoticed) missed++;
    console.log(`${String(law).padEnd(4)} ${what.padEnd(76)} ${by}`);
  }
  return missed;
}

function noticedBy(copy, test) {
  try {
    const [first, ...others] = failedTests(copy, test);
    if (first === undefined) return { isNoticed: false, by: "NOBODY" };
    return { isNoticed: true, by: `${test}: ${first}${others.length === 0 ? "" : ` (and ${others.length} more)`}` };
  } catch (error) {
    return { isNoticed: false, by: `NOT TRIED: ${error.message}` };
  }
}
