import type { Migration } from "kysely";
import { outboxMigration } from "../../../platform/events/index.ts";
import { catalogTables } from "./001-catalog.ts";
import { searchAndVersions } from "./002-search-and-versions.ts";
import { showEnds } from "./004-show-ends.ts";
import { settledHalls } from "./005-settled-halls.ts";
import { pricesByCategory } from "./006-prices-by-category.ts";

/** Migrations of the schema `catalog`, in the order of their names. */
export const catalogMigrations: Readonly<Record<string, Migration>> = {
  "001-catalog": catalogTables,
  "002-search-and-versions": searchAndVersions,
  "003-outbox": outboxMigration("catalog"),
  "004-show-ends": showEnds,
  "005-settled-halls": settledHalls,
  "006-prices-by-category": pricesByCategory,
};
