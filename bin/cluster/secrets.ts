/** What the cluster's parts know each other by: made on the first start, and kept beside the data. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Secrets {
  readonly nats: Readonly<Record<"engine" | "edge" | "services" | "operator", string>>;
  /** Of the mock gateway. */
  readonly gateway: string;
  /** Certificate and key in one PEM file, as HAProxy wants them: self-signed, for this machine. */
  readonly certificateFile: string;
}

const CERTIFICATE_DAYS = 365;

export async function clusterSecrets(dataDir: string): Promise<Secrets> {
  const folder = join(dataDir, "cluster");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "secrets.json");
  if (!existsSync(file)) {
    const nats = { engine: secret(), edge: secret(), services: secret(), operator: secret() };
    writeFileSync(file, JSON.stringify({ nats, gateway: secret() }), { mode: 0o600 });
  }
  const certificateFile = join(folder, "certificate.pem");
  if (!existsSync(certificateFile)) writeFileSync(certificateFile, await certificate(), { mode: 0o600 });
  const kept = JSON.parse(readFileSync(file, "utf8")) as Pick<Secrets, "nats" | "gateway">; // Written above.
  return { ...kept, certificateFile };
}

/** It begins with a letter: NATS reads what looks like a number as one. */
const secret = (): string => `s${randomBytes(24).toString("hex")}`;

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
