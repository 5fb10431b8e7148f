import { errors, importJWK, jwtVerify, type CryptoKey, type JWTHeaderParameters, type JWTPayload } from "jose";
import { holderId, isPlainId, TOKEN_LENGTH_MAX } from "../../proto/index.ts";
import {
  type PublicKey,
  type Revocation,
  REVOCATIONS,
  REVOCATIONS_PAGE,
  REVOKED,
  SIGNING_KEYS,
  SIGNING_KEYS_CHANGED,
} from "../../proto/services/index.ts";
import { type Bus, isAway, type Subscription } from "../bus/index.ts";
import type { Clock, Timer } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { HEADER_FIELDS, REQUIRED_CLAIMS, TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_TYPE } from "./claims.ts";
import * as limits from "./limits.ts";
import { isPlainlySpelled } from "./plain-spelling.ts";
import { isRole, type Principal } from "./principal.ts";
import { Revocations } from "./revocations.ts";
import { InvalidToken, type TokenVerifier, VerifierUnavailable } from "./token-verifier.ts";

/**
 * Verifies access tokens with what identity says over the bus: its public keys, and the families it has revoked. A key is
 * looked up by its id among those and nowhere else; the algorithm is fixed, whatever a token's header asks for.
 */
export class BusTokenVerifier implements TokenVerifier {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #revocations = new Revocations();
  /** By token, oldest first. */
  readonly #verified = new Map<string, Principal>();
  readonly #subscriptions: Subscription[] = [];
  #keys: ReadonlyMap<string, CryptoKey> = new Map();
  /** Set once keys and revocations have been read; before, no token can be judged. */
  #loaded = false;
  #loading: Promise<void> | undefined;
  #keysAskedAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #running = false;

  constructor(options: { bus: Bus; clock: Clock; log: Logger }) {
    this.#bus = options.bus;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Reads keys and revocations; where identity does not answer yet, it goes on asking in the background. */
  async start(): Promise<void> {
    this.#running = true;
    this.#subscriptions.push(
      this.#bus.subscribe(REVOKED, (revocation) => this.#revocations.add(revocation)),
      this.#bus.subscribe(SIGNING_KEYS_CHANGED, () => void this.#reloadAnew()),
    );
    await this.#reloadOnAndOn();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    for (const subscription of this.#subscriptions.splice(0)) subscription.close();
  }

  onRevoked(handler: (family: string) => void): Subscription {
    return this.#revocations.onAdded(handler);
  }

  async verify(token: string): Promise<Principal> {
    const principal = this.#verified.get(token) ?? (await this.#check(token));
    if (principal.expiresAt <= this.#clock.now()) {
      this.#verified.delete(token);
      throw new InvalidToken("The token has expired.");
    }
    if (this.#revocations.has(principal.family)) throw new InvalidToken("The token was revoked: sign in again.");
    return principal;
  }

  async #check(token: string): Promise<Principal> {
    if (token.length > TOKEN_LENGTH_MAX) throw new InvalidToken("The token is too long.");
    if (!isPlainlySpelled(token)) throw new InvalidToken("The token is not a valid one.");
    if (!this.#loaded) await this.#reload();
    if (!this.#loaded) throw new VerifierUnavailable("the keys of identity are not known yet");
    const now = this.#clock.now();
    try {
      const { payload, key, protectedHeader } = await jwtVerify(token, (header) => this.#keyOf(header), {
        algorithms: [TOKEN_ALGORITHM],
        issuer: TOKEN_ISSUER,
        audience: TOKEN_AUDIENCE,
        typ: TOKEN_TYPE,
        requiredClaims: [...REQUIRED_CLAIMS],
        clockTolerance: limits.CLOCK_TOLERANCE_MS / 1000,
        currentDate: new Date(now),
      });
      const principal = principalOf(payload, now);
      // The keys may have been changed meanwhile.
      if (this.#keys.get(protectedHeader.kid ?? "") === key) this.#remember(token, principal);
      return principal;
    } catch (error) {
      throw invalidTokenOf(error);
    }
  }

  async #keyOf(header: JWTHeaderParameters): Promise<CryptoKey> {
    const { kid } = header;
    const strange = Object.keys(header).find((field) => !HEADER_FIELDS.includes(field));
    if (strange !== undefined) throw new InvalidToken("The token's header says more than it may.");
    if (typeof kid !== "string") throw new InvalidToken("The token does not name its key.");
    if (!this.#keys.has(kid) && this.#mayAskForKeys()) await this.#reload();
    const key = this.#keys.get(kid);
    if (key === undefined) throw new InvalidToken("The token was signed with a key that is not ours.");
    return key;
  }

  /** A key may be newer than our list; but forgers may not keep us asking. An answer on its way is waited for. */
  #mayAskForKeys(): boolean {
    const asking = this.#loading !== undefined;
    return asking || this.#clock.monotonic() - this.#keysAskedAt >= limits.KEYS_ASKED_EVERY_MS;
  }

  #remember(token: string, principal: Principal): void {
    this.#verified.set(token, principal);
    if (this.#verified.size > limits.VERIFIED_MAX) {
      const oldest = this.#verified.keys().next().value;
      if (oldest !== undefined) this.#verified.delete(oldest);
    }
  }

  async #reloadOnAndOn(): Promise<void> {
    await this.#reload();
    if (!this.#running) return;
    const inMs = this.#loaded ? limits.RELOAD_EVERY_MS : limits.ASK_AGAIN_MS;
    this.#timer = this.#clock.after(inMs, () => void this.#reloadOnAndOn());
  }

  /** When many want it at once, one asks. Never rejects: what is known stays good while identity is silent. */
  #reload(): Promise<void> {
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** An answer that is on its way may be older than the news. */
  async #reloadAnew(): Promise<void> {
    await this.#loading;
    await this.#reload();
  }

  async #load(): Promise<void> {
    this.#keysAskedAt = this.#clock.monotonic();
    const patience = { timeoutMs: limits.ASK_TIMEOUT_MS };
    try {
      const [keys] = await Promise.all([
        this.#bus.request(SIGNING_KEYS, null, patience),
        this.#readRevocations(patience),
      ]);
      const before = this.#keys;
      this.#keys = await importKeys(keys);
      // A token of a key that is gone must not live on as one that was verified.
      if ([...before.keys()].some((kid) => !this.#keys.has(kid))) this.#verified.clear();
      this.#revocations.dropOlderThan(this.#clock.now());
      this.#loaded = true;
    } catch (error) {
      if (isAway(error)) this.#log.debug({ err: error }, "identity did not say its keys and revocations");
      else this.#log.warn({ err: error }, "what came as identity's keys and revocations cannot be right");
    }
  }

  /** Each page is taken as it comes: all at once would hold up whatever else the process serves. */
  async #readRevocations(patience: { timeoutMs: number }): Promise<void> {
    let page: readonly Revocation[] = [];
    do {
      page = await this.#bus.request(REVOCATIONS, { after: page.at(-1)?.family ?? "" }, patience);
      for (const revocation of page) this.#revocations.add(revocation);
    } while (page.length >= REVOCATIONS_PAGE);
  }
}

/** @throws InvalidToken */
function principalOf({ sub, role, fam, jti, aud, iat, exp }: JWTPayload, now: number): Principal {
  if (typeof sub !== "string" || !isPlainId(sub) || !isRole(role) || typeof jti !== "string" || !isFamily(fam)) {
    throw new InvalidToken("The token lacks a claim, or has one of the wrong type.");
  }
  if (aud !== TOKEN_AUDIENCE) throw new InvalidToken("The token is not for us alone.");
  if (!isSeconds(iat) || !isSeconds(exp) || exp <= iat || (exp - iat) * 1000 > limits.TOKEN_LIFE_MAX_MS) {
    throw new InvalidToken("The token's times are not as they should be.");
  }
  if (iat * 1000 > now + limits.CLOCK_TOLERANCE_MS) throw new InvalidToken("The token is from the future.");
  return { userId: holderId(sub), role, family: fam, expiresAt: exp * 1000 };
}

const isSeconds = (time: unknown): time is number => Number.isSafeInteger(time);

const isFamily = (fam: unknown): fam is string => typeof fam === "string" && isPlainId(fam);

/** @throws where one is no key, or there is none: without keys every token would be refused */
async function importKeys(keys: readonly PublicKey[]): Promise<Map<string, CryptoKey>> {
  const imported = new Map<string, CryptoKey>();
  for (const { kid, kty, crv, x } of keys) {
    const key = await importJWK({ kty, crv, x }, TOKEN_ALGORITHM);
    if (!(key instanceof Uint8Array)) imported.set(kid, key);
  }
  if (imported.size === 0) throw new TypeError("not one key");
  return imported;
}

/** What may be said of a token to whoever sent it. */
function invalidTokenOf(error: unknown): InvalidToken {
  if (error instanceof InvalidToken) return error;
  const because = { cause: error };
  if (error instanceof errors.JWTExpired) return new InvalidToken("The token has expired.", because);
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new InvalidToken(`The token's claim "${error.claim}" is missing or not as it should be.`, because);
  }
  return new InvalidToken("The token is not a valid one.", because);
}
