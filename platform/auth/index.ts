/** Access tokens: what they say, who they speak for, and how any process verifies them. */
export { BusTokenVerifier } from "./bus-token-verifier.ts";
export { TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_TYPE } from "./claims.ts";
export { type Principal, SERVES_MANY } from "./principal.ts";
export { InvalidToken, type TokenVerifier, VerifierUnavailable } from "./token-verifier.ts";
