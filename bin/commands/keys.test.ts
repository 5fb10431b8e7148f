import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ExplainedError } from "../../platform/explained/index.ts";
import { keysCommand } from "./keys.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "usher-keys-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** Runs `usher keys rotate` and gives what it printed. */
async function rotate(): Promise<string[]> {
  const lines: string[] = [];
  const command = keysCommand({
    env: { DATA_DIR: dataDir },
    dist: new URL("file:///"),
    version: "0.0.0",
    print: (line) => void lines.push(line),
  });
  await command.parseAsync(["rotate"], { from: "user" });
  return lines;
}

it("usher keys rotate makes no keys where there are none, and names DATA_DIR", async () => {
  const refusal = new ExplainedError(
    `There are no keys in ${dataDir}/keys: set DATA_DIR to the directory of the Usher whose keys you rotate.`,
  );
  await expect(rotate()).rejects.toThrow(refusal);
  expect(existsSync(join(dataDir, "keys"))).toBe(false);
});

it("usher keys rotate rotates those that are there", async () => {
  const before = { kid: "0badcafe", x: "public", d: "private", createdAt: "2026-01-01T00:00:00.000Z" };
  const file = join(dataDir, "keys", "tickets.json");
  mkdirSync(join(dataDir, "keys"));
  writeFileSync(file, JSON.stringify({ version: 1, keys: [before] }));
  const lines = await rotate();
  const [fresh, old] = (JSON.parse(readFileSync(file, "utf8")) as { keys: { kid: string }[] }).keys; // Ours.
  expect(old).toMatchObject(before);
  expect(lines).toEqual([`New tickets are signed with key ${fresh?.kid}.`]);
});
