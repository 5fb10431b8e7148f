import { fileURLToPath } from "node:url";
import { build, isBuilt } from "./build.mjs";
import { install, isInstalled } from "./install.mjs";
import { withLock } from "./lock.mjs";
import { Stop } from "./stop.mjs";

/** The root of the checkout, with a slash at its end. */
export const ROOT = new URL("../", import.meta.url);

/**
 * Installs and builds what is missing or out of date. Needs no package itself, writes nothing when all is well (so a
 * read-only checkout can be started), and lets one of several processes do the work while the others wait.
 */
export async function prepare({ dev = false } = {}) {
  requireNode();
  if (isInstalled(ROOT, { dev }) && isBuilt(ROOT)) return;
  await withLock(ROOT, async () => {
    if (!isInstalled(ROOT, { dev })) await step("Installing packages", () => install(ROOT, { dev }));
    if (!isBuilt(ROOT)) await step("Building", () => build(ROOT));
  });
}

/** Says what is done and how long it took, on standard error. */
export async function step(name, work) {
  const begin = performance.now();
  console.error(`${name} ...`);
  try {
    await work();
  } catch (error) {
    if (!["EACCES", "EROFS", "EPERM"].includes(error.code)) throw error;
    throw new Stop(`${name} needs to write to ${fileURLToPath(ROOT)}: do it once as its owner (${error.message}).`);
  }
  console.error(`${name}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

function requireNode() {
  if (process.versions.node.localeCompare("20.19", "en", { numeric: true }) >= 0) return;
  throw new Stop(`Usher needs Node.js 20.19 or newer, and this is ${process.versions.node}: install a newer one.`);
}
