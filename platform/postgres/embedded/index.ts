export { type EmbeddedPostgres, startEmbedded } from "./embedded-postgres.ts";
