import { join } from "node:path";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { readSecretFile, writeSecretFile } from "../../../platform/secret-file/index.ts";

const KeyPair = Type.Object({
  kid: Type.String(),
  /** Ed25519, as in RFC 8037: public and private half, base64url. */
  x: Type.String(),
  d: Type.String(),
  createdAt: Type.String(),
  /** When the next key was made, which takes its place soon after; its tokens are good until they run out. */
  retiredAt: Type.Optional(Type.String()),
});
export type KeyPair = Static<typeof KeyPair>;

const Contents = Type.Object({
  version: Type.Literal(1),
  /** Authenticates refresh tokens, base64url. */
  refreshSecret: Type.String(),
  /** The newest first: it signs as soon as every process knows it. */
  keys: Type.Array(KeyPair, { minItems: 1 }),
});
export type KeyFileContents = Static<typeof Contents>;

const pathIn = (dataDir: string): string => join(dataDir, "keys", "identity.json");

/** @returns undefined when there is no such file. @throws when it does not read, since without it nobody is signed in */
export function readKeyFile(dataDir: string): KeyFileContents | undefined {
  const path = pathIn(dataDir);
  const text = readSecretFile(path);
  if (text === undefined) return undefined;
  const contents = parse(text);
  if (Value.Check(Contents, contents)) return contents;
  throw new Error(`${path} is damaged or of a newer version: restore it, or delete it, which signs everybody out.`);
}

/** @param options.over whether it takes the place of the file that is there; without, the older one stays */
export function writeKeyFile(
  dataDir: string,
  contents: KeyFileContents,
  options: { random: RandomBytes; over: boolean },
): void {
  writeSecretFile(pathIn(dataDir), `${JSON.stringify(contents, undefined, 2)}\n`, options);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
