import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto";

/** What a forger may know, and the real key besides: what is signed with that only the reading of the token can refuse. */
export interface Mint {
  /** Ed25519, the real one. */
  readonly privateKey: KeyObject;
  readonly publicKey: { readonly kid: string; readonly x: string };
  /** A good token. */
  readonly good: string;
  /** Seconds since 1970. */
  now(): number;
}

type Json = Record<string, unknown>;
type Forge = (mint: Mint) => string;

const encode = (value: Json | string): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const part = ({ good }: Mint, at: 0 | 1 | 2): string => good.split(".")[at] ?? "";
const textOf = (mint: Mint, at: 0 | 1): string => Buffer.from(part(mint, at), "base64url").toString();
const jsonOf = (mint: Mint, at: 0 | 1): Json => JSON.parse(textOf(mint, at)) as Json; // A JWT's parts are objects.

function signed(key: KeyObject, header: Json | string, claims: Json | string, digest: string | null = null): string {
  const text = `${encode(header)}.${encode(claims)}`;
  const dsa = key.asymmetricKeyType === "ec" ? { key, dsaEncoding: "ieee-p1363" as const } : key;
  return `${text}.${signBytes(digest, Buffer.from(text), dsa).toString("base64url")}`;
}

/** Signed with the real key. A change to undefined takes the field out. */
const ours = (mint: Mint, claims: Json, header: Json = {}): string =>
  signed(mint.privateKey, { ...jsonOf(mint, 0), ...header }, { ...jsonOf(mint, 1), ...claims });
/** Signed with the real key, with one piece of the text replaced by another. */
const oursWith = (mint: Mint, at: 0 | 1, from: string | RegExp, to: string): string => {
  const texts = [textOf(mint, 0), textOf(mint, 1)] as const;
  const changed = texts[at].replace(from, to);
  if (changed === texts[at]) throw new Error(`${String(from)} is not in the token`);
  return at === 0 ? signed(mint.privateKey, changed, texts[1]) : signed(mint.privateKey, texts[0], changed);
};

const EDDSA = generateKeyPairSync("ed25519");
const THEIR_JWK = EDDSA.publicKey.export({ format: "jwk" });
const theirs = (mint: Mint, header: Json = {}): string =>
  signed(EDDSA.privateKey, { ...jsonOf(mint, 0), ...header }, jsonOf(mint, 1));
const withHeader = (mint: Mint, header: Json): string =>
  `${encode({ ...jsonOf(mint, 0), ...header })}.${part(mint, 1)}.${part(mint, 2)}`;
const withClaims = (mint: Mint, claims: Json): string =>
  `${part(mint, 0)}.${encode({ ...jsonOf(mint, 1), ...claims })}.${part(mint, 2)}`;

function hmac(mint: Mint, alg: "HS256" | "HS512", secret: string | Buffer): string {
  const text = `${encode({ ...jsonOf(mint, 0), alg })}.${part(mint, 1)}`;
  const digest = alg === "HS256" ? "sha256" : "sha512";
  return `${text}.${createHmac(digest, secret).update(text).digest("base64url")}`;
}

const asSpki = ({ publicKey }: Mint): string =>
  `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([
    Buffer.from("302a300506032b6570032100", "hex"), // RFC 8410: what stands before an Ed25519 key.
    Buffer.from(publicKey.x, "base64url"),
  ]).toString("base64")}\n-----END PUBLIC KEY-----\n`;

/** As text, and as the last three characters of base64url with other loose bits. */
function respelled(signature: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(signature.slice(-1));
  return signature.slice(0, -1) + (alphabet[last ^ 1] ?? "");
}

/** As good as the good one: what the forgeries below are refused for is what they say, not how they were made. */
export const reissued = (mint: Mint): string => ours(mint, { jti: "another" });

const HOUR = 3_600;

/** Each is to be refused by whoever takes tokens. */
export const FORGERIES: readonly (readonly [what: string, forge: Forge])[] = [
  ["nothing", () => ""],
  ["a word", () => "nonsense"],
  ["two dots", () => ".."],
  ["four parts", (mint) => `${mint.good}.x`],
  ["a nested object in JSON serialization", (mint) => JSON.stringify({ payload: part(mint, 1), signatures: [] })],
  ["an encrypted token's five parts", (mint) => `${encode({ alg: "dir", enc: "A256GCM" })}..${mint.good}`],
  ["an oversized token", (mint) => `${mint.good}${"A".repeat(100_000)}`],
  ["an oversized token with a true signature", (mint) => ours(mint, { pad: "x".repeat(4_000) })],
  ["a dot behind", (mint) => `${mint.good}.`],
  ["a dot before", (mint) => `.${mint.good}`],
  ["a blank behind", (mint) => `${mint.good} `],
  ["a blank before", (mint) => ` ${mint.good}`],
  ["a line break inside", (mint) => mint.good.replace(".", "\n.")],
  ["padding behind the signature", (mint) => `${mint.good}==`],
  [
    "the plus of base64 for the minus of base64url",
    (mint) => `${part(mint, 0)}.${part(mint, 1)}.+${part(mint, 2).slice(1)}`,
  ],
  ["loose bits in the signature", (mint) => `${part(mint, 0)}.${part(mint, 1)}.${respelled(part(mint, 2))}`],
  ["no signature", (mint) => `${part(mint, 0)}.${part(mint, 1)}.`],
  ["no dot for a signature", (mint) => `${part(mint, 0)}.${part(mint, 1)}`],
  ["half a signature", (mint) => `${part(mint, 0)}.${part(mint, 1)}.${part(mint, 2).slice(0, 43)}`],
  ["a signature of zeros", (mint) => `${part(mint, 0)}.${part(mint, 1)}.${Buffer.alloc(64).toString("base64url")}`],
  ["the signature twice", (mint) => `${mint.good}${part(mint, 2)}`],
  ["no claims", (mint) => `${part(mint, 0)}..${part(mint, 2)}`],
  ["no header", (mint) => `.${part(mint, 1)}.${part(mint, 2)}`],
  ["truncated claims", (mint) => `${part(mint, 0)}.${part(mint, 1).slice(0, -8)}.${part(mint, 2)}`],

  ["alg none without a signature", (mint) => `${encode({ ...jsonOf(mint, 0), alg: "none" })}.${part(mint, 1)}.`],
  ["alg none with the old signature", (mint) => withHeader(mint, { alg: "none" })],
  ["alg None", (mint) => `${encode({ ...jsonOf(mint, 0), alg: "None" })}.${part(mint, 1)}.`],
  ["alg nOnE", (mint) => `${encode({ ...jsonOf(mint, 0), alg: "nOnE" })}.${part(mint, 1)}.`],
  ["alg empty", (mint) => withHeader(mint, { alg: "" })],
  ["no alg", (mint) => ours(mint, {}, { alg: undefined })],
  ["alg in an array", (mint) => ours(mint, {}, { alg: ["EdDSA"] })],
  ["alg EdDSA in small letters", (mint) => ours(mint, {}, { alg: "eddsa" })],
  [
    "HS256 with the public key's bytes as secret",
    (mint) => hmac(mint, "HS256", Buffer.from(mint.publicKey.x, "base64url")),
  ],
  ["HS256 with the public key's text as secret", (mint) => hmac(mint, "HS256", mint.publicKey.x)],
  ["HS256 with the public key's PEM as secret", (mint) => hmac(mint, "HS256", asSpki(mint))],
  ["HS512 with the public key's PEM as secret", (mint) => hmac(mint, "HS512", asSpki(mint))],
  ["HS256 with an empty secret", (mint) => hmac(mint, "HS256", "")],
  [
    "ES256 by a key of its own",
    (mint) => {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return signed(privateKey, { ...jsonOf(mint, 0), alg: "ES256" }, jsonOf(mint, 1), "sha256");
    },
  ],
  [
    "ES256 with a signature of zeros", // CVE-2022-21449.
    (mint) =>
      `${encode({ ...jsonOf(mint, 0), alg: "ES256" })}.${part(mint, 1)}.${Buffer.alloc(64).toString("base64url")}`,
  ],
  [
    "PS256 by a key of its own",
    (mint) => {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      return signed(privateKey, { ...jsonOf(mint, 0), alg: "PS256" }, jsonOf(mint, 1), "sha256");
    },
  ],

  ["another key under our key's id", (mint) => theirs(mint)],
  ["another key under an id of its own", (mint) => theirs(mint, { kid: "other" })],
  ["another key inside, as jwk", (mint) => theirs(mint, { jwk: THEIR_JWK })],
  ["another key's address, as jku", (mint) => theirs(mint, { jku: "http://127.0.0.1:1/keys.json" })],
  ["another key's address, as x5u", (mint) => theirs(mint, { x5u: "http://127.0.0.1:1/key.pem" })],
  ["another key's certificate, as x5c", (mint) => theirs(mint, { x5c: ["MIIB"] })],
  ["a key id that is a path", (mint) => theirs(mint, { kid: "../../keys/identity.json" })],
  ["a key id that is a device", (mint) => theirs(mint, { kid: "/dev/null" })],
  ["a key id that is SQL", (mint) => theirs(mint, { kid: "' union select 'x' --" })],
  ["a key id that is a command", (mint) => theirs(mint, { kid: "| sleep 10" })],
  ["a key id that is __proto__", (mint) => theirs(mint, { kid: "__proto__" })],
  ["a key id that is a number", (mint) => ours(mint, {}, { kid: 7 })],
  ["a key id in an array", (mint) => ours(mint, {}, { kid: [mint.publicKey.kid] })],
  ["no key id", (mint) => ours(mint, {}, { kid: undefined })],

  ["a changed role", (mint) => withClaims(mint, { role: "admin" })],
  ["a changed user", (mint) => withClaims(mint, { sub: "usr_other" })],
  ["a later end", (mint) => withClaims(mint, { exp: mint.now() + 10 * HOUR })],

  ["the real key, and jwk", (mint) => ours(mint, {}, { jwk: THEIR_JWK })],
  ["the real key, and jku", (mint) => ours(mint, {}, { jku: "http://127.0.0.1:1/keys.json" })],
  ["the real key, and a critical extension", (mint) => ours(mint, {}, { crit: ["x"], x: true })],
  ["the real key, and crit that is empty", (mint) => ours(mint, {}, { crit: [] })],
  ["the real key, and b64 true", (mint) => ours(mint, {}, { crit: ["b64"], b64: true })],
  [
    "the real key, and an unencoded payload (RFC 7797)",
    (mint) => {
      const header = encode({ ...jsonOf(mint, 0), crit: ["b64"], b64: false });
      const claims = JSON.stringify({ ...jsonOf(mint, 1), iss: "usher" }).replaceAll(".", "");
      const signature = signBytes(null, Buffer.from(`${header}.${claims}`), mint.privateKey);
      return `${header}.${claims}.${signature.toString("base64url")}`;
    },
  ],
  ["the real key, and compression", (mint) => ours(mint, {}, { zip: "DEF" })],
  ["the real key, for a nested token", (mint) => ours(mint, {}, { cty: "JWT" })],
  ["the real key, for another type", (mint) => ours(mint, {}, { typ: "JWT" })],
  ["the real key, for an ID token", (mint) => ours(mint, {}, { typ: "id+jwt" })],
  ["the real key, for no type", (mint) => ours(mint, {}, { typ: undefined })],
  ["the real key, with alg twice", (mint) => oursWith(mint, 0, "{", '{"alg":"none",')],
  ["the real key, with the role twice", (mint) => oursWith(mint, 1, "{", '{"role":"admin",')],
  ["the real key, with the user twice", (mint) => oursWith(mint, 1, /\}$/, ',"sub":"usr_other"}')],
  ["the real key, with blanks in the claims", (mint) => oursWith(mint, 1, "{", "{ ")],
  ["the real key, with an escaped name", (mint) => oursWith(mint, 1, '"role"', '"r\\u006fle"')],
  ["the real key, with a byte order mark", (mint) => oursWith(mint, 1, "{", "\ufeff{")],
  ["the real key, with claims that are an array", (mint) => signed(mint.privateKey, jsonOf(mint, 0), "[]")],
  ["the real key, with claims that are null", (mint) => signed(mint.privateKey, jsonOf(mint, 0), "null")],
  ["the real key, with claims that are no JSON", (mint) => signed(mint.privateKey, jsonOf(mint, 0), "{role:admin}")],
  ["the real key, with a header that is an array", (mint) => signed(mint.privateKey, "[]", jsonOf(mint, 1))],
  ["the real key, for another audience", (mint) => ours(mint, { aud: "somebody-else" })],
  ["the real key, for several audiences", (mint) => ours(mint, { aud: ["usher", "somebody-else"] })],
  ["the real key, for no audience", (mint) => ours(mint, { aud: undefined })],
  ["the real key, of another issuer", (mint) => ours(mint, { iss: "https://evil.example" })],
  ["the real key, of an issuer with a blank", (mint) => ours(mint, { iss: "usher " })],
  ["the real key, of no issuer", (mint) => ours(mint, { iss: undefined })],
  ["the real key, expired", (mint) => ours(mint, { iat: mint.now() - HOUR, exp: mint.now() - 1 })],
  ["the real key, without an end", (mint) => ours(mint, { exp: undefined })],
  ["the real key, with an end that is text", (mint) => ours(mint, { exp: String(mint.now() + HOUR) })],
  ["the real key, with an end that is null", (mint) => ours(mint, { exp: null })],
  ["the real key, with an end in milliseconds", (mint) => ours(mint, { exp: (mint.now() + HOUR) * 1000 })],
  ["the real key, with an end of 1e300", (mint) => ours(mint, { exp: 1e300 })],
  ["the real key, with an end beyond all integers", (mint) => ours(mint, { exp: Number.MAX_SAFE_INTEGER + 1 })],
  ["the real key, with an end that overflows to infinity", (mint) => oursWith(mint, 1, /"exp":\d+/, '"exp":1e999')],
  ["the real key, with an end between two seconds", (mint) => ours(mint, { exp: mint.now() + HOUR + 0.5 })],
  ["the real key, good for a year", (mint) => ours(mint, { exp: mint.now() + 8_760 * HOUR })],
  ["the real key, good backwards", (mint) => ours(mint, { iat: mint.now() + 4, exp: mint.now() + 3 })],
  ["the real key, not good yet", (mint) => ours(mint, { nbf: mint.now() + 600 })],
  ["the real key, with a beginning that is text", (mint) => ours(mint, { nbf: "now" })],
  ["the real key, from the future", (mint) => ours(mint, { iat: mint.now() + 600, exp: mint.now() + HOUR })],
  ["the real key, without a time of issue", (mint) => ours(mint, { iat: undefined })],
  ["the real key, with a time of issue that is text", (mint) => ours(mint, { iat: String(mint.now()) })],
  ["the real key, without a user", (mint) => ours(mint, { sub: undefined })],
  ["the real key, with a user that is no id", (mint) => ours(mint, { sub: "a b/../c" })],
  ["the real key, with a user that is a number", (mint) => ours(mint, { sub: 1 })],
  ["the real key, with a user that is empty", (mint) => ours(mint, { sub: "" })],
  ["the real key, without a role", (mint) => ours(mint, { role: undefined })],
  ["the real key, with a role that does not exist", (mint) => ours(mint, { role: "root" })],
  ["the real key, with a role in capitals", (mint) => ours(mint, { role: "ADMIN" })],
  ["the real key, with several roles", (mint) => ours(mint, { role: ["customer", "admin"] })],
  ["the real key, without a family", (mint) => ours(mint, { fam: undefined })],
  ["the real key, with a family that is a number", (mint) => ours(mint, { fam: 7 })],
  ["the real key, without an id", (mint) => ours(mint, { jti: undefined })],
];
