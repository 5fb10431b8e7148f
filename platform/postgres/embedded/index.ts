export { claimDataDirectory } from "./data-directory.ts";
export { type EmbeddedPostgres, startEmbedded } from "./embedded-postgres.ts";
export { embeddedUrl } from "./cluster.ts";
