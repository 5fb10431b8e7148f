import type { Kysely } from "kysely";
import type { AccessibleRelease, OrphanRule } from "../../../proto/index.ts";
import type { HallDrawing } from "../../../proto/rest/index.ts";
import { type HallLayout, seatCountOf } from "../layout/hall-layout.ts";
import type { CatalogTables, HallPlanTable } from "./tables.ts";

const MINUTE_MS = 60_000;

/** One version of a hall: its seats, and the rules that they are sold by. */
export interface HallVersion {
  readonly layout: HallLayout;
  /** As the layout editor gave it, where the hall was drawn with it. */
  readonly drawing: HallDrawing | null;
  readonly orphan: OrphanRule;
  readonly accessibleRelease: AccessibleRelease;
}

export async function readPlan(db: Kysely<CatalogTables>, hallId: string, version: number): Promise<HallVersion> {
  const plan = await db
    .selectFrom("hall_plan")
    .selectAll()
    .where("hall_id", "=", hallId)
    .where("version", "=", version)
    .executeTakeFirstOrThrow();
  const categories = await db
    .selectFrom("plan_category")
    .select(["id", "name", "focal_x as focalX", "focal_y as focalY"])
    .where("hall_id", "=", hallId)
    .where("plan_version", "=", version)
    .orderBy("position")
    .execute();
  return {
    layout: { categories, sections: plan.sections, rows: plan.rows },
    drawing: plan.drawing,
    orphan: plan.orphan_rule,
    accessibleRelease: releaseOf(plan.accessible_release, plan.accessible_release_minutes ?? 0),
  };
}

/** Within a transaction: a plan without its categories is none. */
export async function insertPlan(
  db: Kysely<CatalogTables>,
  hallId: string,
  version: number,
  { layout, drawing, orphan, accessibleRelease }: HallVersion,
): Promise<void> {
  await db
    .insertInto("hall_plan")
    .values({
      hall_id: hallId,
      version,
      seat_count: seatCountOf(layout),
      sections: JSON.stringify(layout.sections),
      rows: JSON.stringify(layout.rows),
      drawing: drawing && JSON.stringify(drawing),
      orphan_rule: orphan,
      accessible_release: accessibleRelease.when,
      accessible_release_minutes: accessibleRelease.when === "before-end" ? accessibleRelease.ms / MINUTE_MS : null,
    })
    .execute();
  const categories = layout.categories.map(({ id, name, focalX, focalY }, position) => ({
    hall_id: hallId,
    plan_version: version,
    position,
    id,
    name,
    focal_x: focalX,
    focal_y: focalY,
  }));
  await db.insertInto("plan_category").values(categories).execute();
}

/** What is sold stays as it is: the drawing is one of the same layout. */
export async function redraw(
  db: Kysely<CatalogTables>,
  hallId: string,
  version: number,
  drawing: HallVersion["drawing"],
): Promise<void> {
  await db
    .updateTable("hall_plan")
    .set({ drawing: drawing && JSON.stringify(drawing) })
    .where("hall_id", "=", hallId)
    .where("version", "=", version)
    .execute();
}

const releaseOf = (when: HallPlanTable["accessible_release"], minutes: number): AccessibleRelease =>
  when === "before-end" ? { when, ms: minutes * MINUTE_MS } : { when };
