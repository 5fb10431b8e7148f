import { existsSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FORGERIES, type Mint } from "../../../platform/auth/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { portOf } from "../../../platform/testing/port-of.ts";
import type { ProblemBody, SignedIn } from "../../../proto/rest/index.ts";
import { rotateKeys } from "../keys/key-ring.ts";
import { KEY_RETIRES_WITHIN_MS, KEY_SIGNS_AFTER_MS, KEYS_READ_EVERY_MS } from "../limits.ts";
import { decodePart, mintOf, testIdentity, type TestIdentity } from "../testing.ts";

let t: TestIdentity;
let mint: Mint;

beforeAll(async () => {
  t = await testIdentity();
  mint = await mintOf(t);
});
afterAll(() => t.close());

const anyText = expect.any(String) as unknown; // The matcher is of type any.

interface KeySetBody {
  keys: object[];
}

describe("REST refuses a token that is, or has", () => {
  it.each(FORGERIES)("%s", async (_what, forge) => {
    const token = forge(mint);
    if (token.trim() === mint.good) return; // Blanks around a header's value are not part of it.
    const response = await t.app.inject({ url: "/api/v1/auth/me", headers: { authorization: `Bearer ${token}` } });
    expect(response.statusCode).toBe(401);
    expect(response.json<ProblemBody>().code).toBe("UNAUTHORIZED");
    expect(response.headers["www-authenticate"]).toContain("Bearer");
  });
});

it("a token is good until it expires, though it was verified before", async () => {
  const token = (await t.client.register()).accessToken;
  expect((await t.verifier.verify(token)).role).toBe("customer");
  t.clock.goForward(t.config.accessTokenTtlMs + 1);
  await expect(t.verifier.verify(token)).rejects.toThrow("expired");
});

describe("the signing keys", () => {
  it("are the owner's alone to read, and shown by their public halves", async () => {
    expect(statSync(join(t.config.dataDir, "keys", "identity.json")).mode & 0o777).toBe(0o600);
    expect(statSync(join(t.config.dataDir, "keys")).mode & 0o777).toBe(0o700);
    const response = await t.app.inject({ url: "/.well-known/jwks.json" });
    expect(response.json<KeySetBody>().keys).toEqual([
      { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: anyText, x: anyText },
    ]);
    expect(response.body).not.toContain('"d"');
  });

  it("are kept by no cache so long that it does not know the one that signs", async () => {
    const { headers } = await t.app.inject({ url: "/.well-known/jwks.json" });
    const [, seconds] = /^public, max-age=(\d+)$/.exec(headers["cache-control"] ?? "") ?? [];
    expect(Number(seconds)).toBeGreaterThan(0);
    // A process shows a new key when it has read it: just before, it shows the old ones.
    expect(KEYS_READ_EVERY_MS + Number(seconds) * 1_000).toBeLessThanOrEqual(KEY_SIGNS_AFTER_MS);
  });

  it("are rotated while both old and new tokens are good, until the old have run out", async () => {
    const own = await testIdentity();
    const beside = await testIdentity({}, own);
    try {
      const sign = async () => {
        const { accessToken } = await own.client.guest();
        return { accessToken, kid: decodePart(accessToken, 0)["kid"] };
      };
      const isGoodEverywhere = async (token: string) => {
        for (const { verifier } of [own, beside]) await expect(verifier.verify(token)).resolves.toBeDefined();
      };
      const before = await sign();
      const options = {
        dataDir: own.config.dataDir,
        clock: own.clock,
        random: systemRandom,
        tokenTtlMs: own.config.guestTokenTtlMs,
      };
      const kid = await rotateKeys(options);
      await own.identity.reloadKeys();
      await isGoodEverywhere((await sign()).accessToken); // The other process has not read the new key yet.
      await beside.identity.reloadKeys();
      own.clock.goForward(KEY_SIGNS_AFTER_MS);
      await own.identity.reloadKeys();
      const after = await sign();
      expect(after.kid).toBe(kid);
      expect(before.kid).not.toBe(kid);
      await isGoodEverywhere(before.accessToken);
      await isGoodEverywhere(after.accessToken);
      own.clock.goForward(KEY_RETIRES_WITHIN_MS + own.config.guestTokenTtlMs);
      await own.identity.reloadKeys();
      expect((await own.app.inject({ url: "/.well-known/jwks.json" })).json<KeySetBody>().keys).toHaveLength(1);
    } finally {
      await beside.close();
      await own.close();
    }
  });

  it("stay in use while their file is away, as while a volume is not mounted, and no others are made", async () => {
    const own = await testIdentity();
    const folder = join(own.config.dataDir, "keys");
    try {
      const { accessToken, refreshToken } = await own.client.register();
      renameSync(folder, `${folder}.away`);
      await expect(own.identity.reloadKeys()).rejects.toThrow("is gone");
      expect(existsSync(folder)).toBe(false);
      await expect(own.verifier.verify(accessToken)).resolves.toBeDefined();
      const refreshed = await own.client.post("/auth/refresh", { refreshToken });
      expect(refreshed.statusCode).toBe(200);
      const kids = [accessToken, refreshed.json<SignedIn>().accessToken].map((token) => decodePart(token, 0)["kid"]);
      expect(kids[1]).toBe(kids[0]);
      renameSync(`${folder}.away`, folder);
      await own.identity.reloadKeys();
    } finally {
      await own.close();
    }
  });
});

it("works over a socket as in process", async () => {
  await t.app.listen({ port: 0, host: "127.0.0.1" });
  const port = portOf(t.app.server);
  const guest = await fetch(`http://127.0.0.1:${port}/api/v1/auth/guest`, { method: "POST" });
  expect(guest.status).toBe(201);
  const { user, accessToken } = (await guest.json()) as { user: { id: string }; accessToken: string }; // As the contract says.
  const headers = { authorization: `Bearer ${accessToken}` };
  const me = await fetch(`http://127.0.0.1:${port}/api/v1/auth/me`, { headers });
  expect(await me.json()).toEqual(user);
  const logout = await fetch(`http://127.0.0.1:${port}/api/v1/auth/logout`, { method: "POST", headers });
  expect(logout.status).toBe(204);
  expect((await fetch(`http://127.0.0.1:${port}/api/v1/auth/me`, { headers })).status).toBe(401);
});
