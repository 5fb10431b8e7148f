import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Starts two programs on a leash, lets the first go, names both, and waits to be killed. */
const WATCHER = `
import { spawn } from "node:child_process";
import { Leash } from "./bin/cluster/leash.ts";
const leash = new Leash();
const [released, held] = [1, 2].map(() => spawn("sleep", ["1000"], { stdio: "ignore", detached: true }).pid);
leash.hold(released);
leash.hold(held);
leash.release(released);
console.log(released, held);
setInterval(() => {}, 1000);
`;

it("ends what it holds when its process is killed, and nothing else", async () => {
  const watcher = spawn(
    process.execPath,
    ["--import", "./tools/typescript.mjs", "--input-type=module", "--eval", WATCHER],
    { cwd: root, stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = (await once(createInterface({ input: watcher.stdout }), "line")) as [string];
  const [released = 0, held = 0] = line.split(" ").map(Number);
  try {
    expect([isAlive(released), isAlive(held)]).toEqual([true, true]);
    watcher.kill("SIGKILL");
    await expect.poll(() => isAlive(held)).toBe(false);
    expect(isAlive(released)).toBe(true);
  } finally {
    watcher.kill("SIGKILL");
    process.kill(released, "SIGKILL");
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
