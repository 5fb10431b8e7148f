/** What the layout editor gives and takes, and the hall that it stands for. */
import { SEAT_FLAG } from "../../../proto/index.ts";
import { HALL_SEATS_MAX, type HallDrawing } from "../../../proto/rest/index.ts";
import type { HallLayout, LayoutSeat } from "./hall-layout.ts";
import { buildLayout, type RowSpec, type Shape, UnbuildableHall } from "./layout-builder.ts";

type Section = HallDrawing["sections"][number];
type Row = Section["rows"][number];

/** Centimetres. */
const ROW_PITCH = 100;
const SEAT_PITCH = 55;
const AISLE_WIDTH = 120;
const ORIGIN = { x: 0, y: 0 };

/** @throws UnbuildableHall naming the field, such as `sections.0.rows.3.parts` */
export function layoutOf(drawing: HallDrawing): HallLayout {
  const seats = drawing.sections.reduce((sum, { rows }) => rows.reduce((so, row) => so + seatsIn(row), sum), 0);
  if (seats > HALL_SEATS_MAX) {
    throw new UnbuildableHall(
      "sections",
      `a hall has at most ${HALL_SEATS_MAX} seats, and this one would have ${seats}`,
    );
  }
  return buildLayout({
    categories: drawing.categories,
    sections: drawing.sections.map((section, at) => ({
      name: section.name,
      prefix: section.prefix ?? "",
      shape: shapeOf(section, `sections.${at}.shape`),
      rowPitch: section.rowPitch ?? ROW_PITCH,
      seatPitch: section.seatPitch ?? SEAT_PITCH,
      aisleWidth: section.aisleWidth ?? AISLE_WIDTH,
      rows: section.rows.map((row, depth) => rowOf(row, `sections.${at}.rows.${depth}`)),
    })),
  });
}

const seatsIn = ({ parts = [], seats = [] }: Row): number => parts.reduce((sum, part) => sum + part, seats.length);

function shapeOf({ shape = { kind: "straight" } }: Section, at: string): Shape {
  const { kind, front = ORIGIN, centre = ORIGIN, radius, bearing = 0 } = shape;
  if (kind === "straight") return { kind, front };
  if (radius === undefined) throw new UnbuildableHall(`${at}.radius`, "an arc has a radius");
  return { kind, centre, radius, bearing };
}

function rowOf(row: Row, at: string): RowSpec {
  const { name, category, parts, seats, accessible = [], companions = [] } = row;
  if ((parts === undefined) === (seats === undefined)) {
    throw new UnbuildableHall(`${at}.parts`, `row ${name} has either parts or seats`);
  }
  const categoryAt = (own: string | undefined, where: string): string => {
    if (own === undefined) throw new UnbuildableHall(where, `a seat of row ${name} has no category`);
    return own;
  };
  if (parts !== undefined) {
    return { name, parts, category: categoryAt(category, `${at}.category`), accessible, companions };
  }
  if (accessible.length + companions.length > 0) {
    throw new UnbuildableHall(`${at}.accessible`, `the seats of row ${name} say themselves what they are`);
  }
  return {
    name,
    seats: (seats ?? []).map(({ number, x, y, category: own = category, ...flags }, seat) => ({
      number,
      x,
      y,
      category: categoryAt(own, `${at}.seats.${seat}.category`),
      accessible: flags.accessible ?? false,
      companion: flags.companion ?? false,
      aisleAfter: flags.aisleAfter ?? false,
    })),
  };
}

/** A hall that was not drawn with the editor, as it would be drawn: every seat where it stands. */
export const drawingOf = (layout: HallLayout): HallDrawing => ({
  categories: layout.categories.map(({ id, name, focalX, focalY }) => ({ id, name, focal: { x: focalX, y: focalY } })),
  sections: layout.sections.map((section, at) => ({
    ...section,
    rows: layout.rows
      .filter((row) => row.section === at)
      .map((row) => ({ name: row.name, seats: row.seats.map((seat) => drawnSeat(layout, seat)) })),
  })),
});

const drawnSeat = ({ categories }: HallLayout, [number, x, y, category, flags]: LayoutSeat) => ({
  number,
  x,
  y,
  category: categories[category]?.id ?? "",
  ...((flags & SEAT_FLAG.accessible) !== 0 && { accessible: true }),
  ...((flags & SEAT_FLAG.companion) !== 0 && { companion: true }),
  ...((flags & SEAT_FLAG.aisleAfter) !== 0 && { aisleAfter: true }),
});
