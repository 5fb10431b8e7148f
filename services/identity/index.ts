/** Who somebody is: accounts, guests, devices, and the tokens that say so. */
export { type KeyRingOptions, rotateKeys } from "./keys/key-ring.ts";
export { identityMigrations } from "./migrations.ts";
export { createIdentityService, type IdentityOptions, type IdentityService } from "./service.ts";
export { IDENTITY_SCHEMA } from "./tables.ts";
