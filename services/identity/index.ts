/** Who somebody is: accounts, guests, devices, and the tokens that say so. */
export type { FirstAdmin } from "./first-admin.ts";
export { type KeyRingOptions, rotateKeys } from "./key-ring.ts";
export { createIdentityService, type IdentityOptions, type IdentityService } from "./service.ts";
export { IDENTITY_SCHEMA, identityMigrations } from "./tables.ts";
