import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import type { PublicKey } from "../../../proto/services/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { KEYS_KEPT_MS, KEYS_READ_AGAIN_AFTER_MS } from "../limits.ts";
import { keyFile, type KeyFileContents, type StoredKey } from "./key-file.ts";

interface KeyRingOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** The newest signs. */
interface Keys {
  readonly signing: { readonly kid: string; readonly key: KeyObject };
  readonly verifying: ReadonlyMap<string, KeyObject>;
  readonly published: readonly PublicKey[];
}

export const KEY_ID_BYTES = 4;
export const SIGNATURE_BYTES = 64;

/** The keys that tickets are signed with. Processes that share a data directory share them. */
export class TicketKeyRing {
  readonly #options: KeyRingOptions & { readonly log: Logger };
  /** Whether there was no key yet, so that no code of before verifies. */
  readonly isNew: boolean;
  #keys: Keys;
  #readAt: number;

  /** Reads the keys; makes the first one at the first time. @throws when the file is damaged */
  constructor(options: KeyRingOptions & { readonly log: Logger }) {
    this.#options = options;
    const contents = keyFile(options.dataDir).read();
    this.isNew = contents === undefined;
    this.#keys = keysOf(contents ?? firstKey(options));
    this.#readAt = options.clock.monotonic();
  }

  get signingKid(): string {
    return this.#keys.signing.kid;
  }

  /** The signing one first. */
  get publicKeys(): readonly PublicKey[] {
    return this.#keys.published;
  }

  sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.#keys.signing.key);
  }

  verify(kid: string, message: Uint8Array, signature: Uint8Array): boolean {
    const key = this.#keys.verifying.get(kid) ?? this.#newlyRotated(kid);
    return key !== undefined && verify(null, message, key, signature);
  }

  /** After a rotation, also one by another process. Where that fails those read before stay in use, and the log says so. */
  reload(): void {
    const { dataDir, clock, log } = this.#options;
    this.#readAt = clock.monotonic();
    try {
      this.#keys = keysOf(keyFile(dataDir).readAgain());
    } catch (err) {
      log.warn({ err }, "reading the tickets' keys again failed; those read before stay in use");
    }
  }

  #newlyRotated(kid: string): KeyObject | undefined {
    if (this.#options.clock.monotonic() - this.#readAt < KEYS_READ_AGAIN_AFTER_MS) return undefined;
    this.reload();
    return this.#keys.verifying.get(kid);
  }
}

/**
 * New codes are signed with a new key from now on; those that are out stay good.
 * @returns the new key's id; undefined where there is no key to take the place of, and then none is made
 */
export function rotateTicketKeys({ dataDir, clock, random }: KeyRingOptions): string | undefined {
  const contents = keyFile(dataDir).read();
  if (contents === undefined) return undefined;
  const now = new Date(clock.now()).toISOString();
  const fresh = newKey(clock);
  const older = contents.keys
    .map((key) => ({ ...key, retiredAt: key.retiredAt ?? now }))
    .filter(({ retiredAt }) => Date.parse(retiredAt) + KEYS_KEPT_MS > clock.now());
  keyFile(dataDir).write({ version: 1, keys: [fresh, ...older] }, { random, over: true });
  return fresh.kid;
}

function firstKey({ dataDir, clock, random }: KeyRingOptions): KeyFileContents {
  const contents: KeyFileContents = { version: 1, keys: [newKey(clock)] };
  keyFile(dataDir).write(contents, { random, over: false });
  return keyFile(dataDir).read() ?? contents; // Of two processes that start at once, one was first.
}

function keysOf({ keys }: KeyFileContents): Keys {
  const [signing] = keys;
  if (signing === undefined) throw new Error("the key file has no key"); // Its schema says it has.
  return {
    signing: { kid: signing.kid, key: createPrivateKey({ key: jwkOf(signing), format: "jwk" }) },
    verifying: new Map(keys.map((key) => [key.kid, createPublicKey({ key: jwkOf(key), format: "jwk" })])),
    published: keys.map(({ kid, x }) => ({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid, x })),
  };
}

function newKey(clock: Clock): StoredKey {
  const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  if (d === undefined || x === undefined) throw new Error("this Node.js makes no Ed25519 keys");
  const hex = hash("sha256", Buffer.from(x, "base64url"), "hex");
  return { kid: hex.slice(0, 2 * KEY_ID_BYTES), x, d, createdAt: new Date(clock.now()).toISOString() };
}

const jwkOf = ({ x, d }: StoredKey) => ({ kty: "OKP", crv: "Ed25519", x, d });
