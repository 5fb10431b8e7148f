import { join } from "node:path";
import type { Config } from "../../../platform/config/index.ts";
import { ExplainedError } from "../../../platform/explained/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { readSecretFile, writeSecretFile } from "../../../platform/secret-file/index.ts";

/**
 * What the mock gateway and the shop share: the setting, or a secret of 32 bytes that the first of them makes under the data
 * directory. Of several processes that start at once one makes it, and all read the same.
 */
export function mockGatewaySecret(
  { dataDir, mockGatewaySecret: given }: Pick<Config, "dataDir" | "mockGatewaySecret">,
  random: RandomBytes,
): string {
  if (given !== undefined) return given;
  const path = join(dataDir, "keys", "mock-gateway.secret");
  const found = readSecretFile(path);
  if (found !== undefined) return secretIn(path, found);
  const own = `whsec_${random(32).toString("base64")}\n`;
  writeSecretFile(path, own, { random, over: false });
  return secretIn(path, readSecretFile(path) ?? own);
}

function secretIn(path: string, text: string): string {
  const secret = text.trim();
  if (secret === "")
    throw new ExplainedError(`${path} is empty: restore it, or delete it and stop every Usher that used it.`);
  return secret;
}
