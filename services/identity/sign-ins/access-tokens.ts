import { SignJWT } from "jose";
import type { Role } from "../../../proto/index.ts";
import { TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_TYPE } from "../../../platform/auth/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Config } from "../../../platform/config/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import type { KeyRing } from "../keys/key-ring.ts";

export interface AccessTokenOptions {
  readonly config: Pick<Config, "accessTokenTtlMs" | "guestTokenTtlMs">;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly keyRing: () => KeyRing;
}

/** Issues access tokens (RFC 9068), signed with the newest key that all processes know. */
export class AccessTokens {
  readonly #options: AccessTokenOptions;

  constructor(options: AccessTokenOptions) {
    this.#options = options;
  }

  issue(user: { readonly id: string; readonly role: Role }, family: string): Promise<string> {
    const { config, clock, random, keyRing } = this.#options;
    const { signingKid, signingKey } = keyRing();
    const now = clock.now();
    // Nobody can refresh a guest's token, so it lasts as long as a guest may want to stay.
    const ttlMs = user.role === "guest" ? config.guestTokenTtlMs : config.accessTokenTtlMs;
    return new SignJWT({ role: user.role, fam: family })
      .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: TOKEN_TYPE, kid: signingKid })
      .setIssuer(TOKEN_ISSUER)
      .setAudience(TOKEN_AUDIENCE)
      .setSubject(user.id)
      .setJti(random(9).toString("base64url"))
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(Math.floor((now + ttlMs) / 1000))
      .sign(signingKey);
  }
}
