/** What is shown, where and when: movies, cinemas, halls and showtimes. */
export { PREMIERE_ID } from "./demo/programme.ts";
export type { ChangeMark } from "./cache/change-watch.ts";
export { catalogMigrations } from "./migrations/index.ts";
export { seatLabels } from "./seat-labels.ts";
export { type CatalogOptions, type CatalogService, createCatalogService } from "./service.ts";
export { CATALOG_SCHEMA } from "./store/tables.ts";
