/** What `identity` answers and tells the other processes. */
import { type Check, hasFields, isListOf, isNumber, isString } from "../checks.ts";
import { checkedCodec, type Endpoint, plainCodec, type Topic, untrustedCodec } from "../subject.ts";

/** A user as mails and tickets need one; a deleted account is not found. */
export interface UserCard {
  readonly id: string;
  readonly role: string;
  readonly email: string | null;
  readonly name: string | null;
  /** `en` or `de`, as chosen at registration; else `en`. */
  readonly language: string;
}

const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const isUserCard = hasFields({
  id: isString,
  role: isString,
  email: orNull(isString),
  name: orNull(isString),
  language: isString,
});

export const USER_CARD: Endpoint<{ readonly userId: string }, UserCard | null> = {
  name: "identity.user",
  question: plainCodec(),
  answer: checkedCodec(orNull(isUserCard)),
};

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

const isKeys = isListOf({ kid: isString, x: isString });

/** The keys whose tokens are still good: one at least. */
export const SIGNING_KEYS: Endpoint<null, readonly PublicKey[]> = {
  name: "identity.keys",
  question: untrustedCodec(),
  answer: checkedCodec((keys) => Array.isArray(keys) && keys.length > 0 && isKeys(keys)),
};

export const SIGNING_KEYS_CHANGED: Topic<null> = { name: "identity.keys-changed", codec: plainCodec() };

/** What time it is for those who sign tokens, milliseconds since 1970. */
export const SIGNING_TIME: Endpoint<null, number> = {
  name: "identity.time",
  question: untrustedCodec(),
  answer: checkedCodec((time) => Number.isFinite(time)),
};

/** The tokens of `family` are refused until the last of them has run out. */
export interface Revocation {
  readonly family: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Revocations in one answer, at most: as many as a message of a broker holds with ease. */
export const REVOCATIONS_PAGE = 5_000;

/** Revocations still of use, by family, those after `after`; fewer than a page are the last. */
export const REVOCATIONS: Endpoint<{ readonly after: string }, readonly Revocation[]> = {
  name: "identity.revocations",
  question: untrustedCodec(),
  answer: checkedCodec(isListOf({ family: isString, until: isNumber })),
};

export const REVOKED: Topic<Revocation> = { name: "identity.revoked", codec: plainCodec() };
