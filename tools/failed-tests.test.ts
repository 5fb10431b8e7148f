import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
// @ts-expect-error -- A tool is plain JavaScript, so that it runs before anything is built.
import { failedTests } from "./failed-tests.mjs";

const root = mkdtempSync(join(tmpdir(), "usher-failed-tests-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

symlinkSync(fileURLToPath(new URL("../node_modules", import.meta.url)), join(root, "node_modules"));
mkdirSync(join(root, "some"));
for (const [name, text] of [
  ["fails", 'import { expect, it } from "vitest"; it("fails", () => expect(1).toBe(2)); it("passes", () => {});'],
  ["passes", 'import { it } from "vitest"; it("passes", () => {});'],
  ["unreadable", "it("],
  [
    "lacks",
    'import { beforeAll, it } from "vitest"; beforeAll(() => { throw new Error("no server"); }); it("is", () => {});',
  ],
] as const) {
  writeFileSync(join(root, `some/${name}.test.ts`), text);
}
const failed = failedTests as (root: string, path: string) => readonly string[]; // The tool's own signature.

it("names the tests that fail", () => {
  expect(failed(root, "some/fails")).toEqual(["fails"]);
  expect(failed(root, "some/passes")).toEqual([]);
});

it.each(["some/unreadable", "some/lacks", "some/renamed"])("takes no other failure for one: %s", (path) => {
  expect(() => failed(root, path)).toThrow(`no test of ${path} failed, and yet vitest did`);
});
