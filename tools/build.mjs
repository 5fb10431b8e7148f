import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Stop } from "./stop.mjs";

/** Programs for Node, bundled file by file as they are started; what they share is split off into chunks. */
const NODE_ENTRIES = ["bin/usher.ts", "engine/snapshot/worker.ts", "bench/main.ts", "bench/load/worker.ts"];
/** The browser's application, and where its pictures, styles and pages lie. */
const WEB = "web";
const WEB_ENTRY = "web/main.ts";
/** Packages of hundreds of little files, which take longer to find and read one by one than all that is in them takes to run. */
const BUNDLED = ["jose", "kysely", "stripe", "typebox"];
const STAMP = "dist/.built-from";

const packagesStayOutside = {
  name: "packages-stay-outside",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      const isBundled = BUNDLED.some((name) => path === name || path.startsWith(`${name}/`));
      return kind === "entry-point" || isBundled ? undefined : { path, external: true };
    });
  },
};

/** The folders, and the files beside them, that a build is made of. */
const SOURCES = ["bin", "proto", "platform", "engine", "edge", "services", "client", "bench", WEB];
const SETTINGS = ["package.json", "package-lock.json", "tools/build.mjs"];

/** Whether dist/ was made from the sources as they are now: by content, so that a copied checkout needs no build. */
export function isBuilt(root) {
  const stamp = new URL(STAMP, root);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint(root);
}

/** Builds dist/ aside and puts it in place at the end, so that one half built is never run. */
export async function build(root) {
  const { build: esbuild, stop } = await import("esbuild");
  const path = fileURLToPath(root);
  const before = fingerprint(root);
  const fresh = join(path, `dist.new-${process.pid}`);
  mkdirSync(fresh);
  const shared = { absWorkingDir: path, bundle: true, format: "esm", sourcemap: true, logLevel: "error" };
  try {
    await esbuild({
      ...shared,
      entryPoints: NODE_ENTRIES.filter((entry) => existsSync(join(path, entry))),
      outdir: fresh,
      outbase: path,
      platform: "node",
      target: "node20.19",
      plugins: [packagesStayOutside],
      splitting: true,
      chunkNames: "chunks/[name]-[hash]",
    });
    await buildWeb(path, fresh, (options) => esbuild({ ...shared, ...options }));
    writeFileSync(join(fresh, ".built-from"), before);
    replace(fresh, join(path, "dist"));
  } catch (error) {
    // esbuild has shown what is wrong, and where.
    throw Array.isArray(error.errors) ? new Stop("The build failed: see above.") : error;
  } finally {
    // The process that builds may go on as a server for months; esbuild's helper need not.
    await stop();
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function buildWeb(path, fresh, esbuild) {
  if (!existsSync(join(path, WEB))) return;
  const out = join(fresh, WEB);
  mkdirSync(out, { recursive: true });
  cpSync(join(path, WEB), out, { recursive: true, filter: (file) => !/\.ts$|tsconfig\.json$/.test(file) });
  if (!existsSync(join(path, WEB_ENTRY))) return;
  const browsers = ["chrome110", "firefox115", "safari16.4"];
  await esbuild({
    entryPoints: [join(path, WEB_ENTRY)],
    outdir: out,
    platform: "browser",
    target: browsers,
    minify: true,
  });
}

function replace(fresh, dist) {
  const old = `${fresh}.old`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

function fingerprint(root) {
  const path = fileURLToPath(root);
  const hash = createHash("sha256");
  const add = (file) =>
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(path, file)))
      .update("\0");
  for (const folder of SOURCES) filesBelow(path, folder).filter(isSource).forEach(add);
  SETTINGS.forEach(add);
  return hash.digest("hex");
}

/** Below a folder of sources, but none of them. */
const NO_SOURCES = ["node_modules", "bench/out"];

const isSource = (file) => !file.endsWith(".test.ts") && !file.endsWith(".md");

function filesBelow(path, folder) {
  if (!existsSync(join(path, folder))) return [];
  return readdirSync(join(path, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = `${folder}/${entry.name}`;
      if (NO_SOURCES.some((name) => file.endsWith(name))) return [];
      return entry.isDirectory() ? filesBelow(path, file) : [file];
    });
}
