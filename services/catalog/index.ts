/** What is shown, where and when: movies, cinemas, halls and showtimes. */
export { PREMIERE_ID } from "./demo/programme.ts";
export { catalogMigrations } from "./migrations/index.ts";
export { seatLabels } from "./seat-labels.ts";
export { type CatalogService, createCatalogService } from "./service.ts";
export { CATALOG_SCHEMA } from "./store/tables.ts";
