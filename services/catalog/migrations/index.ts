import type { Migration } from "kysely";
import { catalogTables } from "./001-catalog.ts";

/** Of the schema `catalog`, in the order of their names. */
export const catalogMigrations: Readonly<Record<string, Migration>> = { "001-catalog": catalogTables };
