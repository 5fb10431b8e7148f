import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK } from "jose";
import type { PublicKey } from "../../../proto/services/index.ts";
import { TOKEN_ALGORITHM } from "../../../platform/auth/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { KEY_RETIRES_WITHIN_MS, KEY_SIGNS_AFTER_MS } from "../limits.ts";
import { keyFile, type KeyFileContents, type KeyPair } from "./key-file.ts";

export interface KeyRingOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** How long the longest-lived token is good: so long a retired key is still shown. */
  readonly tokenTtlMs: number;
}

/** The signing keys of this installation, and the secret behind its refresh tokens. */
export interface KeyRing {
  readonly signingKid: string;
  readonly signingKey: CryptoKey;
  readonly refreshSecret: Buffer;
  /** All whose tokens may still be good, or will be; the newest first. */
  readonly publicKeys: readonly PublicKey[];
}

/** Reads the keys from the data directory; makes them at the first time. For a start: whoever has keys reads them again. */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  return keyRingOf(keyFile(options.dataDir).read() ?? (await firstKeys(options)), options);
}

/** After a rotation, also one by another process. @throws also when the file is gone, as while a volume is not mounted */
export async function readKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  return keyRingOf(keyFile(options.dataDir).readAgain(), options);
}

async function keyRingOf(contents: KeyFileContents, options: KeyRingOptions): Promise<KeyRing> {
  const signing = contents.keys.find((key) => isKnownEverywhere(key, options)) ?? contents.keys.at(-1);
  if (signing === undefined) throw new Error("the key file has no key"); // Its schema says it has.
  return {
    signingKid: signing.kid,
    signingKey: await importPrivate(signing),
    refreshSecret: Buffer.from(contents.refreshSecret, "base64url"),
    publicKeys: contents.keys.filter((key) => stillOfUse(key, options)).map(publicHalf),
  };
}

/**
 * A new key is shown from now on, and signs in half a minute; the one before is kept until its last token has run out.
 * @returns the new key's id; undefined where there is no key to take the place of, and then none is made
 */
export async function rotateKeys(options: KeyRingOptions): Promise<string | undefined> {
  const { dataDir, clock, random } = options;
  const contents = keyFile(dataDir).read();
  if (contents === undefined) return undefined;
  const now = new Date(clock.now()).toISOString();
  const fresh = await newKeyPair(clock);
  const older = contents.keys.map((key) => ({ ...key, retiredAt: key.retiredAt ?? now }));
  const keys = [fresh, ...older.filter((key) => stillOfUse(key, options))];
  keyFile(dataDir).write({ ...contents, keys }, { random, over: true });
  return fresh.kid;
}

async function firstKeys({ dataDir, clock, random }: KeyRingOptions): Promise<KeyFileContents> {
  const contents: KeyFileContents = {
    version: 1,
    refreshSecret: random(32).toString("base64url"),
    keys: [await newKeyPair(clock)],
  };
  keyFile(dataDir).write(contents, { random, over: false });
  return keyFile(dataDir).read() ?? contents; // Of two processes that start at once, one was first.
}

const isKnownEverywhere = ({ createdAt }: KeyPair, { clock }: KeyRingOptions): boolean =>
  Date.parse(createdAt) + KEY_SIGNS_AFTER_MS <= clock.now();

const stillOfUse = ({ retiredAt }: KeyPair, { clock, tokenTtlMs }: KeyRingOptions): boolean =>
  retiredAt === undefined || Date.parse(retiredAt) + KEY_RETIRES_WITHIN_MS + tokenTtlMs > clock.now();

async function newKeyPair(clock: Clock): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair(TOKEN_ALGORITHM, { crv: "Ed25519", extractable: true });
  const { d, x } = await exportJWK(privateKey);
  if (d === undefined || x === undefined) throw new Error("this Node.js makes no Ed25519 keys");
  const kid = await calculateJwkThumbprint(await exportJWK(publicKey));
  return { kid, x, d, createdAt: new Date(clock.now()).toISOString() };
}

async function importPrivate({ x, d }: KeyPair): Promise<CryptoKey> {
  const key = await importJWK({ kty: "OKP", crv: "Ed25519", x, d }, TOKEN_ALGORITHM);
  if (key instanceof Uint8Array) throw new Error("an Ed25519 key was read as a symmetric one"); // For jose's types.
  return key;
}

const publicHalf = ({ kid, x }: KeyPair): PublicKey => ({
  kty: "OKP",
  crv: "Ed25519",
  alg: TOKEN_ALGORITHM,
  use: "sig",
  kid,
  x,
});
