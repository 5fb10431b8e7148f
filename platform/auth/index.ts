export { isRole, ROLES, type Principal, type Role } from "./principal.ts";
export { InvalidToken, type TokenVerifier } from "./token-verifier.ts";
