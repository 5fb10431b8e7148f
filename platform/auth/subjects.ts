import { plainCodec, type Endpoint, type Topic } from "../../proto/index.ts";

/** The public half of a signing key (RFC 8037): what may be shown to anybody. */
export interface PublicKey {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly alg: "EdDSA";
  readonly use: "sig";
  readonly kid: string;
  /** base64url. */
  readonly x: string;
}

/** The tokens of `family` are refused until the last of them has run out. */
export interface Revocation {
  readonly family: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Served by identity: the keys whose tokens are still good. */
export const KEYS: Endpoint<null, readonly PublicKey[]> = {
  name: "identity.keys",
  question: plainCodec(),
  answer: plainCodec(),
};

/** Served by identity: what time it is for those who sign tokens, milliseconds since 1970. */
export const TIME: Endpoint<null, number> = { name: "identity.time", question: plainCodec(), answer: plainCodec() };

/** Revocations in one answer, at most: as many as a message of a broker holds with ease. */
export const REVOCATIONS_PAGE = 5_000;

/** Served by identity: revocations still of use, by family, those after `after`; fewer than a page are the last. */
export const REVOCATIONS: Endpoint<{ readonly after: string }, readonly Revocation[]> = {
  name: "identity.revocations",
  question: plainCodec(),
  answer: plainCodec(),
};

export const KEYS_CHANGED: Topic<null> = { name: "identity.keys-changed", codec: plainCodec() };
export const REVOKED: Topic<Revocation> = { name: "identity.revoked", codec: plainCodec() };
