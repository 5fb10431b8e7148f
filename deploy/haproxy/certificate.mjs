/**
 * `node certificate.mjs FILE NAME...` makes a self-signed certificate for these host names, in one PEM file with its key as HAProxy wants
 * it. One that it made before is made anew when it ends within 30 days or is for other names; another's is left alone.
 */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { generate } from "selfsigned";

const DAYS = 365;
const LEFT_MS = 30 * 86_400_000;
/** By this, as its organisation, a certificate is known for one of ours. */
const MAKER = "Usher self-signed";

const [file, ...names] = process.argv.slice(2);
if (file === undefined || names.length === 0) throw new Error("say which file, and at least one host name");
if (!existsSync(file) || (isOurs(pemOf(file)) && !isGood(pemOf(file)))) {
  const notAfterDate = new Date(Date.now() + DAYS * 86_400_000);
  const altNames = names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }));
  const subject = [
    { name: "commonName", value: names[0] },
    { name: "organizationName", value: MAKER },
  ];
  const { cert, private: key } = await generate(subject, {
    notAfterDate,
    keySize: 2048,
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames }],
  });
  writeFileSync(`${file}.new`, `${cert}\n${key}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function pemOf(path) {
  return new X509Certificate(readFileSync(path));
}

function isOurs({ subject }) {
  return subject.split("\n").includes(`O=${MAKER}`);
}

function isGood(certificate) {
  const { validTo } = certificate;
  const isFor = (name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
  return names.every(isFor) && Date.parse(validTo) - Date.now() > LEFT_MS;
}
