import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import type { RandomBytes } from "../../../platform/random/index.ts";

const KeyPair = Type.Object({
  kid: Type.String(),
  /** Ed25519, as in RFC 8037: public and private half, base64url. */
  x: Type.String(),
  d: Type.String(),
  createdAt: Type.String(),
  /** When the next key took its place; its tokens are good until they run out. */
  retiredAt: Type.Optional(Type.String()),
});
export type KeyPair = Static<typeof KeyPair>;

const Contents = Type.Object({
  version: Type.Literal(1),
  /** Authenticates refresh tokens, base64url. */
  refreshSecret: Type.String(),
  /** The newest first: it signs. */
  keys: Type.Array(KeyPair, { minItems: 1 }),
});
export type KeyFileContents = Static<typeof Contents>;

const pathIn = (dataDir: string): string => join(dataDir, "keys", "identity.json");

/** @returns undefined when there is no such file. @throws when it does not read, since without it nobody is signed in */
export function readKeyFile(dataDir: string): KeyFileContents | undefined {
  const path = pathIn(dataDir);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const contents = parse(text);
  if (Value.Check(Contents, contents)) return contents;
  throw new Error(`${path} is damaged or of a newer version: restore it, or delete it, which signs everybody out.`);
}

/**
 * Readable by its owner alone, and there as a whole or not at all.
 * @param over whether it takes the place of the file that is there; without, the older one stays
 */
export function writeKeyFile(
  dataDir: string,
  contents: KeyFileContents,
  { random, over }: { random: RandomBytes; over: boolean },
): void {
  const path = pathIn(dataDir);
  const folder = join(dataDir, "keys");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const half = `${path}.${random(6).toString("hex")}`;
  try {
    writeFileSync(half, `${JSON.stringify(contents, undefined, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
    if (over) renameSync(half, path);
    else linkUnlessThere(half, path);
  } finally {
    rmSync(half, { force: true });
  }
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
