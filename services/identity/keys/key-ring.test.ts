import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { KEY_RETIRES_WITHIN_MS, KEY_SIGNS_AFTER_MS } from "../limits.ts";
import { type KeyRingOptions, openKeyRing, readKeyRing, rotateKeys } from "./key-ring.ts";

let options: KeyRingOptions;
const clock = new VirtualClock();

beforeEach(() => {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-keys-"));
  options = { dataDir, clock, random: systemRandom, tokenTtlMs: 1000 };
});
afterEach(() => rmSync(options.dataDir, { recursive: true, force: true }));

it("several processes that start at once on an empty directory share one key", async () => {
  const rings = await Promise.all(Array.from({ length: 5 }, () => openKeyRing(options)));
  expect(new Set(rings.map(({ signingKid }) => signingKid)).size).toBe(1);
  expect(new Set(rings.map(({ refreshSecret }) => refreshSecret.toString("hex"))).size).toBe(1);
  expect(readdirSync(join(options.dataDir, "keys"))).toEqual(["identity.json"]);
});

it("a rotation keeps the refresh secret, and the old key for as long as its tokens may live", async () => {
  const before = await openKeyRing(options);
  const kid = await rotateKeys(options);
  const after = await openKeyRing(options);
  expect(after.publicKeys.map((key) => key.kid)).toEqual([kid, before.signingKid]);
  expect(after.refreshSecret.equals(before.refreshSecret)).toBe(true);
  await clock.advance(KEY_RETIRES_WITHIN_MS + options.tokenTtlMs - 1);
  expect((await openKeyRing(options)).publicKeys.map((key) => key.kid)).toEqual([kid, before.signingKid]);
  await clock.advance(1);
  expect((await openKeyRing(options)).publicKeys.map((key) => key.kid)).toEqual([kid]);
});

it("a new key signs once every process has read it, whatever was rotated meanwhile", async () => {
  const signing = async () => (await openKeyRing(options)).signingKid;
  const first = await signing();
  const second = await rotateKeys(options);
  expect(await signing()).toBe(first);
  await clock.advance(KEY_SIGNS_AFTER_MS - 1);
  expect(await signing()).toBe(first);
  const third = await rotateKeys(options);
  await clock.advance(1);
  expect(await signing()).toBe(second);
  await clock.advance(KEY_SIGNS_AFTER_MS);
  expect(await signing()).toBe(third);
});

it("keys that are in use are never made anew where their file is gone", async () => {
  const { signingKid } = await openKeyRing(options);
  expect((await readKeyRing(options)).signingKid).toBe(signingKid);
  const folder = join(options.dataDir, "keys");
  rmSync(folder, { recursive: true });
  await expect(readKeyRing(options)).rejects.toThrow("is gone");
  expect(existsSync(folder)).toBe(false);
});

it.each(["", "{", "[]", '{"version":2,"refreshSecret":"","keys":[]}'])(
  "a key file that holds %j is refused, not written over",
  async (text) => {
    await openKeyRing(options);
    writeFileSync(join(options.dataDir, "keys", "identity.json"), text);
    await expect(openKeyRing(options)).rejects.toThrow("is damaged or of a newer version");
  },
);
