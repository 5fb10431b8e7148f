/** The one algorithm: none is ever taken from a token. */
export const TOKEN_ALGORITHM = "EdDSA";
export const TOKEN_ISSUER = "usher";
export const TOKEN_AUDIENCE = "usher";
/** The media type of an access token (RFC 9068): no other kind of JWT passes for one. */
export const TOKEN_TYPE = "at+jwt";

/** All that a token's header may hold: a key of its own, or where to find one, is nothing that we would ever look at. */
export const HEADER_FIELDS: readonly string[] = ["alg", "typ", "kid"];

/** A claim that must be there; times are seconds since 1970. */
export const REQUIRED_CLAIMS: readonly string[] = ["sub", "role", "fam", "jti", "iat", "exp"];
