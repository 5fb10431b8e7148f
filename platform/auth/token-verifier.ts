import type { Subscription } from "../bus/index.ts";
import type { Principal } from "./principal.ts";

export interface TokenVerifier {
  /** @throws InvalidToken */
  verify(token: string): Promise<Principal>;
  /** Calls back for each family that is revoked from now on; its tokens are refused already. */
  onRevoked(handler: (family: string) => void): Subscription;
}

/** The message may be shown to whoever sent the token. */
export class InvalidToken extends Error {
  override readonly name = "InvalidToken";
}
