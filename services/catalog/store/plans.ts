import type { Kysely } from "kysely";
import type { AccessibleRelease, OrphanRule } from "../../../proto/index.ts";
import type { HallLayout } from "../layout/hall-layout.ts";
import type { CatalogTables, HallPlanTable } from "./tables.ts";

/** One version of a hall: its seats, and the rules that they are sold by. */
export interface HallVersion {
  readonly layout: HallLayout;
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
    orphan: plan.orphan_rule,
    accessibleRelease: releaseOf(plan.accessible_release, plan.accessible_release_minutes ?? 0),
  };
}

const releaseOf = (when: HallPlanTable["accessible_release"], minutes: number): AccessibleRelease =>
  when === "before-end" ? { when, ms: minutes * 60_000 } : { when };
