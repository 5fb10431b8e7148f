export { type EmbeddedPostgres, startEmbedded } from "./embedded-postgres.ts";
export { embeddedUrl } from "./cluster.ts";
