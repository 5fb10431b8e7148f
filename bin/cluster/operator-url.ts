/** Where a cluster's NATS servers are, with the operator's password: their ports are chosen anew at each start, so nobody could type them. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { systemRandom } from "../../platform/random/index.ts";
import { readSecretFile, writeSecretFile } from "../../platform/secret-file/index.ts";

const fileIn = (dataDir: string): string => join(dataDir, "cluster", "operator.url");

/** For commands that look in from the same machine, until it is closed. */
export function offerOperatorUrl(dataDir: string, natsUrl: string): { close(): void } {
  const file = fileIn(dataDir);
  writeSecretFile(file, natsUrl, { random: systemRandom, over: true });
  return { close: () => rmSync(file, { force: true }) };
}

/** @returns undefined where no cluster has run in the directory, or it was stopped; what one that was killed has left leads nowhere */
export const readOperatorUrl = (dataDir: string): string | undefined => readSecretFile(fileIn(dataDir));
