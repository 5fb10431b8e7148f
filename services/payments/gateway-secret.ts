import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../platform/config/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";

/**
 * What the mock gateway and the shop share: the setting, or a secret of 32 bytes that the first of them makes under the data
 * directory. Of several processes that start at once one makes it, and all read the same.
 */
export function mockGatewaySecret(
  { dataDir, mockGatewaySecret: given }: Pick<Config, "dataDir" | "mockGatewaySecret">,
  random: RandomBytes,
): string {
  if (given !== undefined) return given;
  const folder = join(dataDir, "keys");
  const path = join(folder, "mock-gateway.secret");
  return readIfThere(path) ?? make(folder, path, random);
}

/** There as a whole or not at all: written beside, then linked. */
function make(folder: string, path: string, random: RandomBytes): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const half = `${path}.${random(6).toString("hex")}`;
  try {
    writeFileSync(half, `whsec_${random(32).toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
    linkSync(half, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    rmSync(half, { force: true });
  }
  const made = readIfThere(path);
  if (made === undefined) throw new Error(`${path} was made, but cannot be read`);
  return made;
}

function readIfThere(path: string): string | undefined {
  try {
    const secret = readFileSync(path, "utf8").trim();
    if (secret === "") throw new Error(`${path} is empty: restore it, or delete it and stop every Usher that used it.`);
    return secret;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
