/** Files with secrets that processes of one data directory share. */
import { chmodSync, chownSync, linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "../directory/index.ts";
import { hasCode } from "../error-code/index.ts";
import { ExplainedError, messageOf } from "../explained/index.ts";
import type { RandomBytes } from "../random/index.ts";

/**
 * @returns undefined when there is no such file, nor a folder for it
 * @throws ExplainedError where it cannot be read
 */
export function readSecretFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw new ExplainedError(`${path} cannot be read: let its owner be who runs Usher (${messageOf(error)}).`, {
      cause: error,
    });
  }
}

/**
 * Readable by its owner alone, as its folder is, and there as a whole or not at all.
 * @param over whether it takes the place of the file that is there, whose owner it keeps; without, the older one stays
 * @throws ExplainedError where it cannot be written, nor its folder made
 */
export function writeSecretFile(
  path: string,
  text: string,
  { random, over }: { random: RandomBytes; over: boolean },
): void {
  const folder = dirname(path);
  try {
    makeDirectory(folder, 0o700);
    chmodSync(folder, 0o700);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ExplainedError(
      `The folder ${folder} cannot be used: correct it, or set DATA_DIR to another directory (${error.message}).`,
      { cause: error },
    );
  }
  const half = `${path}.${random(6).toString("hex")}`;
  try {
    writeFileSync(half, text, { mode: 0o600, flag: "wx", flush: true });
    if (over) {
      keepOwner(half, path);
      renameSync(half, path);
    } else linkUnlessThere(half, path);
  } catch (error) {
    throw new ExplainedError(
      `${path} cannot be written, and stays as it was: free space there, or correct its folder (${messageOf(error)}).`,
      { cause: error },
    );
  } finally {
    rmSync(half, { force: true });
  }
}

/** What root writes for those who run under another user has to stay readable to them. */
function keepOwner(half: string, path: string): void {
  const before = statSync(path, { throwIfNoEntry: false });
  if (before !== undefined && process.getuid?.() === 0) chownSync(half, before.uid, before.gid);
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}
