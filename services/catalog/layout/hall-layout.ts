/**
 * A hall as it is stored and drawn. Seats are counted row by row, each row from left to right as one sees it facing
 * the screen, front rows first: that count is the seat's index, everywhere and for good.
 */
import { SEAT_FLAG } from "../../../proto/index.ts";

export interface HallLayout {
  readonly categories: readonly LayoutCategory[];
  readonly sections: readonly LayoutSection[];
  readonly rows: readonly LayoutRow[];
}

export interface LayoutCategory {
  /** What best available is asked for; unique in the hall. */
  readonly id: string;
  readonly name: string;
  /** Where this category's best seats are, in centimetres on the floor plan. */
  readonly focalX: number;
  readonly focalY: number;
}

export interface LayoutSection {
  readonly name: string;
  /** Stands before the row in a label where row names repeat from section to section; else empty. */
  readonly prefix: string;
}

export interface LayoutRow {
  /** Index into `sections`. */
  readonly section: number;
  readonly name: string;
  readonly seats: readonly LayoutSeat[];
}

/** Number on the chair, position in centimetres, index into `categories`, bits of `SEAT_FLAG`; short, as halls have thousands. */
export type LayoutSeat = readonly [number: number, x: number, y: number, category: number, flags: number];

/** A seat as a person reads it. */
export interface SeatView {
  readonly index: number;
  readonly label: string;
  readonly section: string;
  readonly row: string;
  readonly number: number;
  readonly category: string;
  readonly x: number;
  readonly y: number;
  readonly accessible: boolean;
  readonly companion: boolean;
}

export const seatCountOf = (layout: HallLayout): number => layout.rows.reduce((sum, row) => sum + row.seats.length, 0);

/** Every seat in index order. */
export function* seatsOf(layout: HallLayout): Generator<SeatView> {
  let index = 0;
  for (const row of layout.rows) {
    const section = at(layout.sections, row.section);
    for (const [number, x, y, category, flags] of row.seats) {
      yield {
        index: index++,
        label: `${section.prefix}${row.name}${number}`,
        section: section.name,
        row: row.name,
        number,
        category: at(layout.categories, category).id,
        x,
        y,
        accessible: (flags & SEAT_FLAG.accessible) !== 0,
        companion: (flags & SEAT_FLAG.companion) !== 0,
      };
    }
  }
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new RangeError(`a hall layout speaks of entry ${index} of ${list.length}`);
  return found;
}
