/** The tables of the schema `catalog`, as Kysely needs them. */
import type { Generated, JSONColumnType } from "kysely";
import type { OrphanRule } from "../../../proto/index.ts";
import type { HallDrawing } from "../../../proto/rest/index.ts";
import type { LayoutRow, LayoutSection } from "../layout/hall-layout.ts";
import type { PosterArt } from "../posters/poster-art.ts";

export const CATALOG_SCHEMA = "catalog";

export interface CatalogTables {
  movie: MovieTable;
  cinema: CinemaTable;
  hall: HallTable;
  hall_plan: HallPlanTable;
  plan_category: PlanCategoryTable;
  showtime: ShowtimeTable;
  showtime_price: ShowtimePriceTable;
  demo: DemoTable;
}

export interface MovieTable {
  id: string;
  title: string;
  year: number;
  genres: string[];
  actors: string[];
  director: string;
  synopsis: string;
  duration_minutes: number;
  /** How the poster is drawn; null leaves the choice to the program. */
  poster: JSONColumnType<PosterArt> | null;
  /** The `fold`ed texts that searches look in. */
  title_folded: string;
  genres_folded: string[];
  /** A line for each actor. */
  actors_folded: string;
  version: Generated<number>;
}

export interface CinemaTable {
  id: string;
  name: string;
  city: string;
  address: string;
  /** IANA name. */
  time_zone: string;
  /** Name and city, `fold`ed. */
  place_folded: string;
  version: Generated<number>;
}

export interface HallTable {
  id: string;
  cinema_id: string;
  name: string;
  /** The one that new showtimes get. */
  plan_version: number;
  /** Between the end of a showtime and the start of the next. */
  cleaning_minutes: number;
  version: Generated<number>;
  /** False while seats that the hall has may be blocked at the engine, for a change that is under way or was broken off. */
  settled: Generated<boolean>;
}

/** What is sold by a plan is never changed: another layout is another version, and showtimes keep the one that they were sold with. */
export interface HallPlanTable {
  hall_id: string;
  version: number;
  seat_count: number;
  sections: JSONColumnType<LayoutSection[]>;
  rows: JSONColumnType<LayoutRow[]>;
  orphan_rule: OrphanRule;
  accessible_release: "always" | "never" | "before-end";
  /** With `before-end`: how long before the sale's end others may have the accessible seats. */
  accessible_release_minutes: number | null;
  /** What the layout editor gave, to be edited again; null where the hall was not drawn with it. */
  drawing: JSONColumnType<HallDrawing> | null;
}

export interface PlanCategoryTable {
  hall_id: string;
  plan_version: number;
  position: number;
  id: string;
  name: string;
  focal_x: number;
  focal_y: number;
}

export interface ShowtimeTable {
  id: string;
  movie_id: string;
  hall_id: string;
  plan_version: number;
  starts_at: Date;
  ends_at: Date;
  /** When the hall is clean and free for the next showtime. */
  hall_free_at: Date;
  sales_start_at: Date;
  sales_end_at: Date;
  /** ISO 4217. */
  currency: string;
  premiere: boolean;
  status: Generated<"scheduled" | "cancelled">;
  /** Until when a buyer may give tickets back. */
  cancel_until: Date;
  version: Generated<number>;
  /** The version that the engine has been told of: 0 while it knows nothing of the showtime. */
  engine_version: Generated<number>;
  /** It was deleted, and goes away once the engine says that nobody has a seat. */
  removing: Generated<boolean>;
}

export interface ShowtimePriceTable {
  showtime_id: string;
  hall_id: string;
  plan_version: number;
  category_id: string;
  /** In minor units, as the others; for adults. */
  amount: number;
  /** Null: as for adults. */
  child: number | null;
  senior: number | null;
  student: number | null;
}

/** One row, in a catalogue that was filled with the demo. */
export interface DemoTable {
  /** The last day, YYYY-MM-DD, that the demo has made a programme for. */
  programme_until: string;
}
