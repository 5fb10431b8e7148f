export { claimDataDirectory } from "./data-directory.ts";
export { type EmbeddedPostgres, startEmbedded } from "./embedded-postgres.ts";
export { embeddedUrl, hasCluster as hasEmbedded } from "./cluster.ts";
