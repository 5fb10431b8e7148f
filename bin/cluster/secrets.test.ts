import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterAll, expect, it } from "vitest";
import { clusterSecrets } from "./secrets.ts";

const dataDir = mkdtempSync(join(tmpdir(), "usher-secrets-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

it("are made once, for their owner's eyes alone", async () => {
  const made = await clusterSecrets(dataDir);
  const certificate = readFileSync(made.certificateFile, "utf8");
  expect(await clusterSecrets(dataDir)).toEqual(made);
  expect(readFileSync(made.certificateFile, "utf8")).toBe(certificate);
  for (const file of ["cluster/secrets.json", "cluster/certificate.pem"]) {
    expect(statSync(join(dataDir, file)).mode & 0o077).toBe(0);
  }
});

it("those that an older Usher did not know are added, and the others kept", async () => {
  const { postgres, routes, certificateFile: _, ...older } = await clusterSecrets(dataDir);
  writeFileSync(join(dataDir, "cluster/secrets.json"), JSON.stringify(older));
  const made = await clusterSecrets(dataDir);
  expect(made).toMatchObject(older);
  expect(made.postgres.engine).not.toBe(postgres.engine);
  expect(made.routes).not.toBe(routes);
  expect(await clusterSecrets(dataDir)).toEqual(made);
});

it("a certificate that is about to end is made anew", async () => {
  const { certificateFile } = await clusterSecrets(dataDir);
  const soon = new Date(Date.now() + 60_000);
  const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], { notAfterDate: soon });
  writeFileSync(certificateFile, `${cert}\n${key}\n`);
  await clusterSecrets(dataDir);
  expect(Date.parse(new X509Certificate(readFileSync(certificateFile)).validTo)).toBeGreaterThan(soon.getTime());
});
