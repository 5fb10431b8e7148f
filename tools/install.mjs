import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Stop } from "./stop.mjs";

/**
 * Whether node_modules is what package-lock.json says. npm keeps a lock file of what it has installed in there, written
 * last, so whoever installed it, and however, the two can be compared. Optional packages are those of other platforms.
 */
export function isInstalled(root, { dev }) {
  const wanted = packages(new URL("package-lock.json", root));
  const present = packages(new URL("node_modules/.package-lock.json", root));
  return Object.entries(wanted).every(([path, { version, optional, dev: forDev, devOptional }]) => {
    if (path === "" || optional || devOptional || (forDev && !dev)) return true;
    return present[path]?.version === version;
  });
}

/** Makes node_modules what package-lock.json says; keeps the development's packages where there are any. */
export function install(root, { dev }) {
  const keepsDev = dev || Object.values(packages(new URL("node_modules/.package-lock.json", root))).some((p) => p.dev);
  const options = ["ci", keepsDev ? "--include=dev" : "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const [file, args] = npm?.endsWith(".js") ? [process.execPath, [npm, ...options]] : ["npm", options];
  // What npm prints is kept off standard output, which belongs to the command that was asked for.
  const { status, error } = spawnSync(file, args, { cwd: fileURLToPath(root), stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new Stop(`"npm ci" failed${error ? ` (${error.message})` : ""}: see above, correct it, and try again.`);
}

function packages(file) {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")).packages ?? {}) : {};
}
