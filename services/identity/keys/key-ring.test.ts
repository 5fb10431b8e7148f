import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { type KeyRingOptions, openKeyRing, rotateKeys } from "./key-ring.ts";

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
  expect(after.signingKid).toBe(kid);
  expect(after.publicKeys.map((key) => key.kid)).toEqual([kid, before.signingKid]);
  expect(after.refreshSecret.equals(before.refreshSecret)).toBe(true);
  await clock.advance(1001);
  expect((await openKeyRing(options)).publicKeys.map((key) => key.kid)).toEqual([kid]);
});

it.each(["", "{", "[]", '{"version":2,"refreshSecret":"","keys":[]}'])(
  "a key file that holds %j is refused, not written over",
  async (text) => {
    await openKeyRing(options);
    writeFileSync(join(options.dataDir, "keys", "identity.json"), text);
    await expect(openKeyRing(options)).rejects.toThrow("is damaged or of a newer version");
  },
);
