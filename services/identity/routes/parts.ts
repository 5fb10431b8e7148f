import { type SignedIn } from "../../../proto/rest/index.ts";
import type { Accounts, Opened } from "../accounts/accounts.ts";
import type { Administration } from "../accounts/administration.ts";
import type { Devices } from "../accounts/devices.ts";
import { userOf } from "../accounts/user.ts";
import type { AccessTokens } from "../sign-ins/access-tokens.ts";
import type { Families } from "../sign-ins/families.ts";
import type { Logins } from "../sign-ins/logins.ts";
import type { Throttle } from "../sign-ins/throttle.ts";

/** What the routes speak for. */
export interface IdentityParts {
  readonly accounts: Accounts;
  readonly administration: Administration;
  readonly devices: Devices;
  readonly families: Families;
  readonly logins: Logins;
  readonly throttle: Throttle;
  readonly tokens: AccessTokens;
}

export const tags = ["accounts"];

/** The answer to whoever has just signed in with a password. */
export async function signedIn({ families, tokens }: IdentityParts, { user, family }: Opened): Promise<SignedIn> {
  return {
    user: userOf(user),
    accessToken: await tokens.issue(user, family),
    refreshToken: families.firstRefreshToken(family),
  };
}
