/** Tokens that are none, or not ours, or no good any more: over a WebSocket in either encoding, and over REST. */
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { expect, it } from "vitest";
import { CLOSE_CODES, TOKEN_LENGTH_MAX } from "../../proto/index.ts";
import { boxOffice } from "../support/box-office.ts";

const office = boxOffice({ COMMANDS_PER_SECOND: "1000000" });
const ENCODINGS = ["json", "msgpack"] as const;

const refused = async (token: string): Promise<void> => {
  for (const encoding of ENCODINGS) {
    const client = await office.connect(encoding);
    client.say({ op: "auth", token });
    expect(await client.next("error")).toMatchObject({ code: "UNAUTHORIZED" });
    client.say({ op: "hold", rid: "r1", showtime: "st_premiere", seats: [1] });
    expect(await client.next("error")).toMatchObject({ rid: "r1", code: "UNAUTHORIZED" });
  }
  const { status, body } = await office.rest.get("auth/me", { token });
  expect([status, body["code"]]).toEqual([401, "UNAUTHORIZED"]);
};

/** What is in a good one, to be signed by somebody else. */
const goodClaims = async (): Promise<{
  header: Record<string, string>;
  payload: Record<string, unknown>;
  parts: string[];
}> => {
  const { token } = await office.guest();
  const parts = token.split(".");
  const [header, payload] = parts
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as unknown);
  return { header: header as Record<string, string>, payload: payload as Record<string, unknown>, parts }; // By RFC 7519.
};

it.each(["", "x", "a.b.c", "..", "Bearer x", "ÿ"])("that are none: %j", refused);

it("longer than one can be, in the same words over either", async () => {
  const token = "x".repeat(TOKEN_LENGTH_MAX + 1);
  const { body } = await office.rest.get("auth/me", { token });
  expect(body["code"]).toBe("UNAUTHORIZED");
  for (const encoding of ENCODINGS) {
    const client = await office.connect(encoding);
    client.say({ op: "auth", token });
    expect(await client.next("error")).toMatchObject({ code: "UNAUTHORIZED", message: body["detail"] });
  }
});

it("with the algorithm none", async () => {
  const { header, payload, parts } = await goodClaims();
  await refused(new UnsecuredJWT(payload).encode());
  const none = Buffer.from(JSON.stringify({ ...header, alg: "none" })).toString("base64url");
  await refused(`${none}.${parts[1]}.`);
  await refused(`${none}.${parts[1]}.${parts[2]}`);
});

it("signed with another key, under our key's name", async () => {
  const { header, payload } = await goodClaims();
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  await refused(await new SignJWT(payload).setProtectedHeader({ ...header, alg: "EdDSA" }).sign(privateKey));
});

it("signed with our public key as an HMAC secret, or with a key that they bring along", async () => {
  const { header, payload } = await goodClaims();
  const { body } = await office.rest.get<{ keys: { x: string }[] }>("/.well-known/jwks.json");
  const secret = Buffer.from(body.keys[0]?.x ?? "", "base64url");
  await refused(await new SignJWT(payload).setProtectedHeader({ ...header, alg: "HS256" }).sign(secret));
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const jwk = await exportJWK(publicKey);
  await refused(await new SignJWT(payload).setProtectedHeader({ alg: "EdDSA", jwk }).sign(privateKey));
});

it("whose claims were changed", async () => {
  const { payload, parts } = await goodClaims();
  for (const change of [{ role: "admin" }, { aud: "elsewhere" }, { exp: 4_102_444_800 }, { sub: "somebody" }]) {
    await refused(
      [parts[0], Buffer.from(JSON.stringify({ ...payload, ...change })).toString("base64url"), parts[2]].join("."),
    );
  }
});

it("of a family that was logged out, also on connections that are open", async () => {
  const { body } = await office.rest.post<{ accessToken: string; refreshToken: string; user: { id: string } }>(
    "auth/register",
    { body: { email: "gone@example.com", password: "correct horse battery" } },
  );
  const clients = await Promise.all(
    ENCODINGS.map((encoding) => office.enter({ userId: body.user.id, token: body.accessToken }, encoding)),
  );
  const { status } = await office.rest.post("auth/logout", { body: { refreshToken: body.refreshToken } });
  expect(status).toBe(204);
  for (const client of clients) expect((await client.closed).code).toBe(CLOSE_CODES.SIGNED_OUT.code);
  await refused(body.accessToken);
});
