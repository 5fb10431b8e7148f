/** The certificate that the containers make for themselves. */
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "./compose-file.ts";
import { Program } from "./programs.ts";

const directory = mkdtempSync(join(tmpdir(), "usher-certificate-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("the certificate of the containers", () => {
  const file = join(directory, "made.pem");
  const make = (name: string) => {
    const command = [process.execPath, join(ROOT, "deploy/haproxy/certificate.mjs"), file, name];
    return Program.run({ name: "certificate", command, env: {} });
  };
  const made = (): X509Certificate => new X509Certificate(readFileSync(file));
  const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);
  const writeOne = async (organisation: string, notAfterDate: Date): Promise<string> => {
    const subject = [
      { name: "commonName", value: "tickets.example" },
      { name: "organizationName", value: organisation },
    ];
    const altNames = [{ type: 2 as const, value: "tickets.example" }];
    const extensions = [{ name: "subjectAltName" as const, altNames }];
    const { cert, private: key } = await generate(subject, { notAfterDate, extensions });
    writeFileSync(file, `${cert}\n${key}\n`);
    return made().fingerprint256;
  };

  it("is made anew for another name, an address among them, and not for the same", async () => {
    const fingerprints: string[] = [];
    for (const name of ["localhost", "localhost", "::1", "::1"]) {
      expect(await make(name)).toEqual({ code: 0, output: "" });
      fingerprints.push(made().fingerprint256);
    }
    expect(fingerprints[1]).toBe(fingerprints[0]);
    expect(fingerprints[2]).not.toBe(fingerprints[0]);
    expect(made().checkIP("::1")).toBeDefined();
    expect(fingerprints[3]).toBe(fingerprints[2]);
  });

  it.each([
    ["is made anew before it ends", "Usher self-signed", 29, true],
    ["is left alone while it is good", "Usher self-signed", 31, false],
    ["is left alone when it is another's, whatever it says", "Example Ltd", 1, false],
  ])("%s", async (_, organisation, left, isAnew) => {
    const before = await writeOne(organisation, days(left));
    expect(await make("tickets.example")).toMatchObject({ code: 0 });
    expect(made().fingerprint256 !== before).toBe(isAnew);
    if (isAnew) expect(Date.parse(made().validTo)).toBeGreaterThan(days(300).getTime());
  });
});
