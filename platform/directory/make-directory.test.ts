import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDirectory } from "./index.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "usher-directory-"));
});
afterEach(() => rmSync(home, { recursive: true }));

test("makes what is missing, and says whether it was there", () => {
  const path = join(home, "a", "b");
  expect([makeDirectory(path, 0o700), makeDirectory(path)]).toEqual([true, false]);
  for (const made of [path, join(home, "a")]) expect(statSync(made).mode & 0o777).toBe(0o700);
});

test("says what the system said where it cannot be made, and makes nothing", () => {
  writeFileSync(join(home, "file"), "");
  expect(() => makeDirectory(join(home, "file", "a", "b"))).toThrow("ENOTDIR");
  expect(() => makeDirectory(join(home, "file"))).toThrow("EEXIST");
  expect(existsSync(join(home, "file", "a"))).toBe(false);
});

test.runIf(process.platform === "linux")("comes to an end where no directory can ever be made", () => {
  for (const path of ["/proc/usher", "/proc/usher/data/keys"]) expect(() => makeDirectory(path)).toThrow("ENOENT");
});
