import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "typebox";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ExplainedError } from "../explained/index.ts";
import { systemRandom } from "../random/index.ts";
import { readSecretFile, secretJson, writeSecretFile } from "./index.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "usher-secret-file-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const write = (path: string, text: string, over = false): void =>
  writeSecretFile(path, text, { random: systemRandom, over });

test("is its owner's alone, as its folder is, and the first stays unless another is to take its place", () => {
  const path = join(home, "keys", "key");
  expect(readSecretFile(path)).toBeUndefined();
  write(path, "first");
  write(path, "second");
  expect(readSecretFile(path)).toBe("first");
  write(path, "third", true);
  expect(readSecretFile(path)).toBe("third");
  for (const [made, mode] of [
    [path, 0o600],
    [join(home, "keys"), 0o700],
  ] as const) {
    expect(statSync(made).mode & 0o777).toBe(mode);
  }
});

test.runIf(process.getuid?.() === 0)("stays its owner's when root writes it anew", () => {
  const path = join(home, "key");
  write(path, "first");
  chownSync(path, 12_345, 12_346);
  write(path, "second", true);
  expect(readSecretFile(path)).toBe("second");
  expect(statSync(path)).toMatchObject({ uid: 12_345, gid: 12_346 });
});

test("says in one sentence that its folder is none, and leaves alone what is there", () => {
  const file = join(home, "keys");
  writeFileSync(file, "");
  chmodSync(file, 0o644);
  expect(readSecretFile(join(file, "key"))).toBeUndefined();
  expect(() => write(join(file, "key"), "text")).toThrow(ExplainedError);
  expect(statSync(file).mode & 0o777).toBe(0o644);
});

test("says in one sentence that it cannot be written, and leaves nothing half done", () => {
  const path = join(home, "key");
  mkdirSync(path);
  const sentence = `${path} cannot be written, and stays as it was: free space there, or correct its folder (EISDIR`;
  expect(() => write(path, "text", true)).toThrow(ExplainedError);
  expect(() => write(path, "text", true)).toThrow(sentence);
  expect(readdirSync(home)).toEqual(["key"]);
});

test("says in one sentence that it cannot be read", () => {
  const path = join(home, "key");
  mkdirSync(path);
  expect(() => readSecretFile(path)).toThrow(ExplainedError);
  expect(() => readSecretFile(path)).toThrow(`${path} cannot be read: let its owner be who runs Usher (EISDIR`);
});

test("holds JSON of its schema, and says of any other what comes of its loss", () => {
  const path = join(home, "keys.json");
  const schema = Type.Object({ version: Type.Literal(1), key: Type.String() });
  const file = secretJson({ path, schema, ifLost: "which locks everybody out" });
  expect(file.read()).toBeUndefined();
  expect(() => file.readAgain()).toThrow(
    `${path} is gone: restore it before a start makes a new one, which locks everybody out.`,
  );
  file.write({ version: 1, key: "k" }, { random: systemRandom, over: false });
  for (const contents of [file.read(), file.readAgain()]) expect(contents).toEqual({ version: 1, key: "k" });
  expect(readSecretFile(path)).toBe('{\n  "version": 1,\n  "key": "k"\n}\n');
  for (const text of ['{ "version": 2, "key": "k" }', '{ "version": 1']) {
    writeFileSync(path, text);
    const sentence = `${path} is damaged or of a newer version: restore it, or delete it, which locks everybody out.`;
    for (const read of [() => file.read(), () => file.readAgain()]) expect(read).toThrow(sentence);
  }
});
