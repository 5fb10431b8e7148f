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
  /** Where its best seats are; the middle of its seats when left out. */
  readonly focal?: Point;
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

export type RowSpec = PartedRow | DrawnRow;

export interface PartedRow {
  readonly name: string;
  /** Seats between the aisles, from left to right. */
  readonly parts: readonly number[];
  /** Id of its category. */
  readonly category: string;
  /** Seat numbers of the wheelchair places, and of the seats kept for those who come with them. */
  readonly accessible?: readonly number[];
  readonly companions?: readonly number[];
}

/** A row whose seats stand wherever somebody put them, from left to right. */
export interface DrawnRow {
  readonly name: string;
  readonly seats: readonly DrawnSeat[];
}

export interface DrawnSeat extends Point {
  readonly number: number;
  readonly category: string;
  readonly accessible?: boolean;
  readonly companion?: boolean;
  readonly aisleAfter?: boolean;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What the engine's 16-bit coordinates can say. */
const COORDINATE_MAX = 32_767;

/** The hall cannot be built as it was drawn. */
export class UnbuildableHall extends RangeError {
  override readonly name = "UnbuildableHall";
  /** What is wrong, such as `sections.0.rows.3`. */
  readonly at: string;
  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

/** @throws UnbuildableHall when it names a category that it does not have, repeats a label, or is larger than 327 metres. */
export function buildLayout(spec: HallSpec): HallLayout {
  const categories = new Map(spec.categories.map(({ id }, index) => [id, index]));
  if (categories.size < spec.categories.length) throw new UnbuildableHall("categories", "two categories have one id");
  const rows = spec.sections.flatMap((section, sectionNumber) =>
    section.rows.map((row, depth) => {
      const at = `sections.${sectionNumber}.rows.${depth}`;
      const categoryOf = (id: string): number => {
        const index = categories.get(id);
        if (index === undefined) throw new UnbuildableHall(`${at}.category`, `the hall has no category ${id}`);
        return index;
      };
      const seats = "seats" in row ? drawnSeats(row, categoryOf) : partedSeats(section, row, depth, categoryOf, at);
      return { at, section: sectionNumber, name: row.name, seats };
    }),
  );
  const left = leastOf(rows, 1);
  const front = leastOf(rows, 2);
  const layout: HallLayout = {
    categories: spec.categories.map(({ id, name, focal = middleOf(rows, categories.get(id)) }) => ({
      id,
      name,
      focalX: Math.round(focal.x) - left,
      focalY: Math.round(focal.y) - front,
    })),
    sections: spec.sections.map(({ name, prefix = "" }) => ({ name, prefix })),
    rows: rows.map(({ section, name, seats }) => ({
      section,
      name,
      seats: seats.map(([number, x, y, category, flags]) => [number, x - left, y - front, category, flags] as const),
    })),
  };
  check(
    layout,
    rows.flatMap(({ at, seats }) => seats.map(() => at)),
  );
  return layout;
}

const flagsOf = (accessible: boolean, companion: boolean, aisleAfter: boolean): number =>
  (accessible ? SEAT_FLAG.accessible : 0) |
  (companion ? SEAT_FLAG.companion : 0) |
  (aisleAfter ? SEAT_FLAG.aisleAfter : 0);

const drawnSeats = ({ seats }: DrawnRow, categoryOf: (id: string) => number): LayoutSeat[] =>
  seats.map(({ number, x, y, category, accessible = false, companion = false, aisleAfter = false }) => [
    number,
    Math.round(x),
    Math.round(y),
    categoryOf(category),
    flagsOf(accessible, companion, aisleAfter),
  ]);

/** The seats of a row, `depth` rows behind the section's first. */
function partedSeats(
  section: SectionSpec,
  row: PartedRow,
  depth: number,
  categoryOf: (id: string) => number,
  at: string,
): LayoutSeat[] {
  const { parts, accessible = [], companions = [] } = row;
  const count = parts.reduce((sum, part) => sum + part, 0);
  for (const [name, numbers] of Object.entries({ accessible, companions })) {
    const beyond = numbers.find((number) => number > count);
    if (beyond !== undefined) throw new UnbuildableHall(`${at}.${name}`, `row ${row.name} has no seat ${beyond}`);
  }
  const category = categoryOf(row.category);
  const width = count * section.seatPitch + (parts.length - 1) * section.aisleWidth;
  const seats: LayoutSeat[] = [];
  let offset = (section.seatPitch - width) / 2;
  parts.forEach((part, partNumber) => {
    const aisleFollows = partNumber < parts.length - 1;
    for (let seat = 1; seat <= part; seat++) {
      const number = seats.length + 1;
      const { x, y } = place(section.shape, depth * section.rowPitch, offset);
      const flags = flagsOf(accessible.includes(number), companions.includes(number), aisleFollows && seat === part);
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

type Rows = readonly { readonly seats: readonly LayoutSeat[] }[];

/** The least x (field 1) or y (field 2) of any seat. */
const leastOf = (rows: Rows, field: 1 | 2): number =>
  rows.reduce((least, row) => row.seats.reduce((so, seat) => Math.min(so, seat[field]), least), Infinity);

/** Middle of the category's seats, or of all where it has none. */
function middleOf(rows: Rows, category: number | undefined): Point {
  const seats = rows.flatMap((row) => row.seats);
  const own = seats.filter((seat) => seat[3] === category);
  const all = own.length > 0 ? own : seats;
  const mean = (field: 1 | 2): number => all.reduce((sum, seat) => sum + seat[field], 0) / all.length;
  return { x: mean(1), y: mean(2) };
}

/** @param places of each seat's row in what was drawn */
function check(layout: HallLayout, places: readonly string[]): void {
  const labels = new Set<string>();
  for (const { index, label, x, y } of seatsOf(layout)) {
    const at = places[index] ?? "sections";
    if (labels.has(label)) throw new UnbuildableHall(at, `two seats are called ${label}`);
    if (x > COORDINATE_MAX || y > COORDINATE_MAX) {
      throw new UnbuildableHall(at, `seat ${label} lies outside of the floor plan, which is 327 metres long and wide`);
    }
    labels.add(label);
  }
  if (labels.size === 0) throw new UnbuildableHall("sections", "a hall has at least one seat");
}
