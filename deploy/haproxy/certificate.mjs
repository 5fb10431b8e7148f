/**
 * `node certificate.mjs FILE NAME...` makes a self-signed certificate for these host names, in one PEM file with its key as HAProxy wants
 * it, unless the file is there.
 */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { generate } from "selfsigned";

const DAYS = 365;

const [file, ...names] = process.argv.slice(2);
if (file === undefined || names.length === 0) throw new Error("say which file, and at least one host name");
if (!existsSync(file)) {
  const notAfterDate = new Date(Date.now() + DAYS * 86_400_000);
  const altNames = names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }));
  const { cert, private: key } = await generate([{ name: "commonName", value: names[0] }], {
    ...{ notAfterDate, keySize: 2048, algorithm: "sha256" },
    extensions: [{ name: "subjectAltName", altNames }],
  });
  writeFileSync(`${file}.new`, `${cert}\n${key}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
