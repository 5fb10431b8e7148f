/** `npm test`: every check there is, the quick ones first; stops at the first that fails. Arguments go to vitest. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { prepare, ROOT, step } from "./prepare.mjs";
import { ensurePrograms } from "./programs.mjs";
import { run, Stop } from "./stop.mjs";

const CHECKS = [
  ["Format", ["oxfmt", "--check", "."]],
  ["Types", ["tsc", "-p", "."]],
  ["Types of the browser's application", ["tsc", "-p", "web"]],
  ["Lint", ["oxlint", "--type-aware", "--deny-warnings"]],
  ["Import rules", ["depcruise", "--config", ".dependency-cruiser.mjs", "--output-type", "err", "."]],
  ["Dead code", ["knip"]],
];

await run(async () => {
  const begin = performance.now();
  await prepare({ dev: true });
  await ensurePrograms();
  for (const [name, command] of CHECKS) {
    if (command.includes("web") && !existsSync(new URL("web/tsconfig.json", ROOT))) continue;
    await step(name, () => tool(name, command, "quiet"));
  }
  await step("Tests", () => tool("Tests", ["vitest", "run", ...process.argv.slice(2)], "loud"));
  console.error(`All passed in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
});

/** A quiet tool's output is shown only when it fails. */
function tool(name, [command, ...args], volume) {
  const file = fileURLToPath(new URL(`node_modules/.bin/${command}`, ROOT));
  const stdio = volume === "loud" ? ["ignore", "inherit", "inherit"] : "pipe";
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd: fileURLToPath(ROOT),
    stdio,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return;
  throw new Stop(
    `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}\n${name} failed: "npx ${[command, ...args].join(" ")}"`,
  );
}
