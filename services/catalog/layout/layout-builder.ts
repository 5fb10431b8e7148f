/** Draws a hall from what a planner would say of it: sections, rows, aisles, curves, categories and places for wheelchairs. */
import { SEAT_FLAG } from "../../../proto/index.ts";
import { type HallLayout, type LayoutSeat, seatsOf } from "./hall-layout.ts";

export interface HallSpec {
  readonly categories: readonly CategorySpec[];
  readonly sections: readonly SectionSpec[];
}

/** All lengths are in centimetres; x grows to the right, y away from the screen. */
export interface CategorySpec {
  readonly id: string;
  readonly name: string;
  /** Where its best seats are. */
  readonly focal: Point;
}

export interface SectionSpec {
  readonly name: string;
  readonly prefix?: string;
  readonly shape: Shape;
  readonly rowPitch: number;
  readonly seatPitch: number;
  readonly aisleWidth: number;
  readonly rows: readonly RowSpec[];
}

/** `arc`: rows bend around `centre`, the first at `radius`; the section's middle lies `bearing` degrees from straight back. */
export type Shape =
  | { readonly kind: "straight"; readonly front: Point }
  | { readonly kind: "arc"; readonly centre: Point; readonly radius: number; readonly bearing: number };

export interface RowSpec {
  readonly name: string;
  /** Seats between the aisles, from left to right. */
  readonly parts: readonly number[];
  /** Id of its category. */
  readonly category: string;
  /** Seat numbers of the wheelchair places, and of the seats kept for those who come with them. */
  readonly accessible?: readonly number[];
  readonly companions?: readonly number[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What the engine's 16-bit coordinates can say. */
const COORDINATE_MAX = 32_767;

/** @throws RangeError when the hall names a category it does not have, repeats a label, or is larger than 327 metres. */
export function buildLayout(spec: HallSpec): HallLayout {
  const rows = spec.sections.flatMap((section, sectionNumber) =>
    section.rows.map((row, depth) => ({
      section: sectionNumber,
      name: row.name,
      seats: seatsOfRow(section, row, depth, categoryIndex(spec, row.category)),
    })),
  );
  const left = leastOf(rows, 1);
  const front = leastOf(rows, 2);
  const layout: HallLayout = {
    categories: spec.categories.map(({ id, name, focal }) => ({
      id,
      name,
      focalX: Math.round(focal.x) - left,
      focalY: Math.round(focal.y) - front,
    })),
    sections: spec.sections.map(({ name, prefix = "" }) => ({ name, prefix })),
    rows: rows.map((row) => ({
      ...row,
      seats: row.seats.map(
        ([number, x, y, category, flags]) => [number, x - left, y - front, category, flags] as const,
      ),
    })),
  };
  check(layout);
  return layout;
}

/** The seats of a row, `depth` rows behind the section's first. */
function seatsOfRow(section: SectionSpec, row: RowSpec, depth: number, category: number): LayoutSeat[] {
  const { parts, accessible = [], companions = [] } = row;
  const width =
    parts.reduce((sum, part) => sum + part, 0) * section.seatPitch + (parts.length - 1) * section.aisleWidth;
  const seats: LayoutSeat[] = [];
  let offset = (section.seatPitch - width) / 2;
  parts.forEach((part, partNumber) => {
    const aisleFollows = partNumber < parts.length - 1;
    for (let seat = 1; seat <= part; seat++) {
      const number = seats.length + 1;
      const { x, y } = place(section.shape, depth * section.rowPitch, offset);
      const flags =
        (accessible.includes(number) ? SEAT_FLAG.accessible : 0) |
        (companions.includes(number) ? SEAT_FLAG.companion : 0) |
        (aisleFollows && seat === part ? SEAT_FLAG.aisleAfter : 0);
      seats.push([number, Math.round(x), Math.round(y), category, flags]);
      offset += section.seatPitch;
    }
    offset += section.aisleWidth;
  });
  return seats;
}

/** Where a seat stands: `depth` behind its section's first row, `offset` to the right of the row's middle, along the row. */
function place(shape: Shape, depth: number, offset: number): Point {
  if (shape.kind === "straight") return { x: shape.front.x + offset, y: shape.front.y + depth };
  const radius = shape.radius + depth;
  const angle = offset / radius - (shape.bearing * Math.PI) / 180;
  return { x: shape.centre.x + radius * Math.sin(angle), y: shape.centre.y + radius * Math.cos(angle) };
}

function categoryIndex(spec: HallSpec, id: string): number {
  const index = spec.categories.findIndex((category) => category.id === id);
  if (index < 0) throw new RangeError(`the hall has no category ${id}`);
  return index;
}

/** The least x (field 1) or y (field 2) of any seat. */
const leastOf = (rows: readonly { readonly seats: readonly LayoutSeat[] }[], field: 1 | 2): number =>
  rows.reduce((least, row) => row.seats.reduce((so, seat) => Math.min(so, seat[field]), least), Infinity);

function check(layout: HallLayout): void {
  const labels = new Set<string>();
  for (const { label, x, y } of seatsOf(layout)) {
    if (labels.has(label)) throw new RangeError(`two seats are called ${label}`);
    if (x > COORDINATE_MAX || y > COORDINATE_MAX) throw new RangeError(`seat ${label} lies outside of the floor plan`);
    labels.add(label);
  }
  if (labels.size === 0) throw new RangeError("a hall has at least one seat");
}
