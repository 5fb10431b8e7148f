import type { Kysely } from "kysely";
import type { HallPlanView } from "../../../proto/rest/index.ts";
import { drawingOf } from "../layout/hall-drawing.ts";
import { seatCountOf } from "../layout/hall-layout.ts";
import { readPlan } from "./plans.ts";
import type { CatalogTables } from "./tables.ts";

export async function readHall(db: Kysely<CatalogTables>, id: string): Promise<HallPlanView | undefined> {
  const hall = await db.selectFrom("hall").selectAll().where("id", "=", id).executeTakeFirst();
  if (hall === undefined) return undefined;
  const { layout, drawing, orphan, accessibleRelease } = await readPlan(db, id, hall.plan_version);
  return {
    id: hall.id,
    name: hall.name,
    seatCount: seatCountOf(layout),
    planVersion: hall.plan_version,
    version: hall.version,
    cinemaId: hall.cinema_id,
    cleaningMinutes: hall.cleaning_minutes,
    orphanRule: orphan,
    accessibleRelease:
      accessibleRelease.when === "before-end"
        ? { when: accessibleRelease.when, minutes: accessibleRelease.ms / 60_000 }
        : accessibleRelease,
    ...(drawing ?? drawingOf(layout)),
  };
}
