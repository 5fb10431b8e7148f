import { createHmac } from "node:crypto";
import { statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidToken, KEYS } from "../../../platform/auth/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import type { ProblemBody } from "../../../proto/rest/index.ts";
import { readKeyFile } from "../keys/key-file.ts";
import { rotateKeys } from "../keys/key-ring.ts";
import { decodePart, testIdentity, type TestIdentity } from "../testing.ts";

let t: TestIdentity;
/** A good token, and its parts to build bad ones from. */
let good: string;
let header: Record<string, unknown>;
let claims: Record<string, unknown>;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

beforeAll(async () => {
  t = await testIdentity();
  good = (await t.client.guest()).accessToken;
  header = decodePart(good, 0);
  claims = decodePart(good, 1);
});
afterAll(() => t.close());

/** Signed with our own key: what only the check of the claims can refuse. */
async function ours(changes: Record<string, unknown>, headers: Record<string, unknown> = {}): Promise<string> {
  const [pair] = readKeyFile(t.config.dataDir)?.keys ?? [];
  if (pair === undefined) throw new Error("there are no keys");
  const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: pair.x, d: pair.d }, "EdDSA");
  const payload = Object.fromEntries(
    Object.entries({ ...claims, ...changes }).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(payload).setProtectedHeader({ ...header, alg: "EdDSA", ...headers }).sign(key);
}

async function theirs(headers: Record<string, unknown> = {}): Promise<string> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  return new SignJWT(claims).setProtectedHeader({ ...header, alg: "EdDSA", ...headers }).sign(privateKey);
}

function withHmac(secret: string | Buffer): string {
  const signed = `${encode({ ...header, alg: "HS256" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

const publicX = async (): Promise<string> => (await t.bus.request(KEYS, null, { timeoutMs: 1000 }))[0]?.x ?? "";
const now = () => Math.floor(t.clock.now() / 1000);

const anyText = expect.any(String) as unknown; // The matcher is of type any.

interface KeySetBody {
  keys: object[];
}

describe("a token is refused", () => {
  const [part0, part1, part2] = [() => good.split(".")[0], () => good.split(".")[1], () => good.split(".")[2]];
  const forgeries: [string, () => string | Promise<string>][] = [
    ["that is none", () => "nonsense"],
    ["that is empty", () => ""],
    ["that is only dots", () => ".."],
    ["with five parts", () => `${good}.x.y`],
    ["that is enormous", () => `${good}${"A".repeat(100_000)}`],
    ["with alg none and no signature", () => `${encode({ ...header, alg: "none" })}.${part1()}.`],
    ["with alg None", () => `${encode({ ...header, alg: "None" })}.${part1()}.`],
    ["with alg none and the old signature", () => `${encode({ ...header, alg: "none" })}.${part1()}.${part2()}`],
    ["with no alg", () => `${encode({ ...header, alg: undefined })}.${part1()}.${part2()}`],
    ["with HS256 and the public key as secret", async () => withHmac(Buffer.from(await publicX(), "base64url"))],
    ["with HS256 and the public key's text as secret", async () => withHmac(await publicX())],
    ["with HS256 and an empty secret", () => withHmac("")],
    ["signed with another key under our key's id", () => theirs()],
    ["signed with another key under an id of its own", () => theirs({ kid: "other" })],
    [
      "with its own key inside",
      async () => {
        const { publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
        return theirs({ jwk: await exportJWK(publicKey) });
      },
    ],
    ["with the address of a key", () => theirs({ jku: "http://127.0.0.1:1/keys", x5u: "http://127.0.0.1:1/keys" })],
    ["with a path for a key id", () => theirs({ kid: "../../../keys/identity.json" })],
    ["with SQL for a key id", () => theirs({ kid: "' union select 1 --" })],
    ["with __proto__ for a key id", () => theirs({ kid: "__proto__" })],
    ["with a key id that is no text", () => `${encode({ ...header, kid: 7 })}.${part1()}.${part2()}`],
    ["without a key id", () => theirs({ kid: undefined })],
    ["with a changed payload", () => `${part0()}.${encode({ ...claims, role: "admin" })}.${part2()}`],
    ["with another user in it", () => `${part0()}.${encode({ ...claims, sub: "usr_other" })}.${part2()}`],
    ["without its signature", () => `${part0()}.${part1()}.`],
    ["with half its signature", () => `${part0()}.${part1()}.${part2()?.slice(0, 40)}`],
    ["with a signature of zeros", () => `${part0()}.${part1()}.${Buffer.alloc(64).toString("base64url")}`],
    ["for another audience", () => ours({ aud: "somebody-else" })],
    ["for no audience", () => ours({ aud: undefined })],
    ["of another issuer", () => ours({ iss: "evil" })],
    ["of no issuer", () => ours({ iss: undefined })],
    ["of another type", () => ours({}, { typ: "JWT" })],
    ["of no type", () => ours({}, { typ: undefined })],
    ["that has expired", () => ours({ iat: now() - 100, exp: now() - 1 })],
    ["that never expires", () => ours({ exp: undefined })],
    ["whose expiry is text", () => ours({ exp: "tomorrow" })],
    ["that is not yet good", () => ours({ nbf: now() + 600 })],
    ["from the future", () => ours({ iat: now() + 600 })],
    ["without a time of issue", () => ours({ iat: undefined })],
    ["without a subject", () => ours({ sub: undefined })],
    ["with a subject that is no id", () => ours({ sub: "a b/../c" })],
    ["without a role", () => ours({ role: undefined })],
    ["with a role that does not exist", () => ours({ role: "root" })],
    ["with several roles", () => ours({ role: ["customer", "admin"] })],
    ["without a family", () => ours({ fam: undefined })],
    ["with a family that is no text", () => ours({ fam: 7 })],
    ["without an id", () => ours({ jti: undefined })],
    ["with a critical extension that we do not know", () => ours({}, { crit: ["exp"], exp: 1 }).catch(() => theirs())],
  ];

  it.each(forgeries)("%s", async (_what, forge) => {
    const token = await forge();
    await expect(t.verifier.verify(token)).rejects.toBeInstanceOf(InvalidToken);
    const response = await t.app.inject({ url: "/api/v1/auth/me", headers: { authorization: `Bearer ${token}` } });
    expect(response.statusCode).toBe(401);
    expect(response.json<ProblemBody>().code).toBe("UNAUTHORIZED");
  });

  it("with any one character changed", async () => {
    for (let at = 0; at < good.length; at++) {
      const other = good[at] === "A" ? "B" : "A";
      const changed = good.slice(0, at) + other + good.slice(at + 1);
      await expect(t.verifier.verify(changed), `position ${at}`).rejects.toBeInstanceOf(InvalidToken);
    }
  });
});

it("a token is good until it expires, though it was verified before", async () => {
  const token = await ours({ exp: now() + 600 });
  expect((await t.verifier.verify(token)).role).toBe("guest");
  t.clock.goForward(601_000);
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

  it("are rotated while both old and new tokens are good, until the old have run out", async () => {
    const own = await testIdentity();
    try {
      const sign = async () => {
        const { accessToken } = await own.client.guest();
        return { accessToken, kid: decodePart(accessToken, 0)["kid"] };
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
      const after = await sign();
      expect(after.kid).toBe(kid);
      expect(before.kid).not.toBe(kid);
      await expect(own.verifier.verify(before.accessToken)).resolves.toBeDefined();
      await expect(own.verifier.verify(after.accessToken)).resolves.toBeDefined();
      own.clock.goForward(own.config.guestTokenTtlMs + 1);
      await own.identity.reloadKeys();
      expect((await own.app.inject({ url: "/.well-known/jwks.json" })).json<KeySetBody>().keys).toHaveLength(1);
    } finally {
      await own.close();
    }
  });
});

it("works over a socket as in process", async () => {
  await t.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = t.app.server.address() as AddressInfo; // It listens on TCP.
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
