/** What the cluster's parts know each other by: made on the first start, and kept beside the data. */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { systemRandom } from "../../platform/random/index.ts";
import { readSecretFile, writeSecretFile } from "../../platform/secret-file/index.ts";
import type { DatabasePasswords } from "./database-users.ts";

export interface Secrets {
  readonly nats: Readonly<Record<"engine" | "edge" | "services" | "operator", string>>;
  /** Between NATS servers. */
  readonly routes: string;
  readonly postgres: DatabasePasswords;
  /** The mock gateway's secret. */
  readonly gateway: string;
  /** Certificate and key in one PEM file, as HAProxy wants them: self-signed, for this machine. */
  readonly certificateFile: string;
}

const CERTIFICATE_DAYS = 365;
/** One that ends sooner is made anew at the next start. */
const CERTIFICATE_LEFT_MS = 30 * 24 * 60 * 60 * 1_000;

export async function clusterSecrets(dataDir: string): Promise<Secrets> {
  const random = systemRandom;
  const file = join(dataDir, "cluster", "secrets.json");
  const fresh = {
    nats: { engine: secret(), edge: secret(), services: secret(), operator: secret() },
    routes: secret(),
    postgres: { engine: secret(), services: secret(), gateway: secret() },
    gateway: secret(),
  };
  writeSecretFile(file, JSON.stringify(fresh), { random, over: false });
  const found = JSON.parse(readSecretFile(file) ?? "") as Partial<typeof fresh>; // Written above, or before, by an Usher that had fewer.
  const kept = { ...fresh, ...found };
  if (Object.keys(fresh).some((key) => !(key in found)))
    writeSecretFile(file, JSON.stringify(kept), { random, over: true });
  const certificateFile = join(dataDir, "cluster", "certificate.pem");
  if (!isGood(readSecretFile(certificateFile))) {
    writeSecretFile(certificateFile, await certificate(), { random, over: true });
  }
  return { ...kept, certificateFile };
}

function isGood(pem: string | undefined): boolean {
  if (pem === undefined) return false;
  return Date.parse(new X509Certificate(pem).validTo) - Date.now() > CERTIFICATE_LEFT_MS;
}

/** It begins with a letter: NATS reads what looks like a number as one. */
const secret = (): string => `s${systemRandom(24).toString("hex")}`;

async function certificate(): Promise<string> {
  const { generate } = await import("selfsigned"); // Only now: every other command starts sooner without it.
  const notAfterDate = new Date();
  notAfterDate.setDate(notAfterDate.getDate() + CERTIFICATE_DAYS);
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    notAfterDate,
    keySize: 2048,
    algorithm: "sha256",
    extensions: [
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  return `${made.cert}\n${made.private}\n`;
}
