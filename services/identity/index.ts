/** Who somebody is: accounts, guests, devices, and the tokens that say so. */
export { rotateKeys } from "./keys/key-ring.ts";
export { identityMigrations } from "./migrations.ts";
export { createIdentityService } from "./service.ts";
export { IDENTITY_SCHEMA } from "./tables.ts";
