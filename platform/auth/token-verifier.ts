import type { Subscription } from "../bus/index.ts";
import type { Principal } from "./principal.ts";

export interface TokenVerifier {
  /** @throws InvalidToken | VerifierUnavailable */
  verify(token: string): Promise<Principal>;
  /** Calls back for each family that is revoked from now on; its tokens are refused already. */
  onRevoked(handler: (family: string) => void): Subscription;
}

/** The message may be shown to whoever sent the token. */
export class InvalidToken extends Error {
  override readonly name = "InvalidToken";
}

/** Nobody has yet said which keys are good and which families revoked: no token can be told good from bad. */
export class VerifierUnavailable extends Error {
  override readonly name = "VerifierUnavailable";
}
