import type { Layout, LayoutSeat } from "../../client/index.ts";
import { SEAT_STATUS } from "../../proto/index.ts";

export interface PictureSize {
  /** Characters. */
  readonly columns: number;
  readonly lines: number;
}

/** SGR parameters (ECMA-48). Free seats take the colour of their category. */
const COLOURS = { held: "33", booked: "31", blocked: "90", aside: "90" } as const;
const CATEGORY_COLOURS = ["36", "32", "34", "35"] as const;
/** Shapes differ too, for those who do not see the colours. */
const GLYPHS = {
  [SEAT_STATUS.free]: "○",
  [SEAT_STATUS.held]: "◐",
  [SEAT_STATUS.booked]: "●",
  [SEAT_STATUS.blocked]: "·",
};
const MARGIN = 4;

type Cell = number[];

/**
 * A hall as lines of text, the screen above. A hall of one section shows every row as a line; a larger one is drawn as
 * a map on which a character may stand for several seats, and shows the status that most of them have.
 */
export class HallPicture {
  readonly #seats: readonly LayoutSeat[];
  readonly #categories: readonly string[];
  readonly #rows: { readonly name: string; readonly cells: readonly (Cell | undefined)[] }[];
  readonly #size: PictureSize;
  readonly #coloured: boolean;

  constructor(layout: Layout, size: PictureSize, coloured: boolean) {
    this.#seats = layout.seats;
    this.#categories = layout.categories.map(({ id }) => id);
    this.#size = size;
    this.#coloured = coloured;
    const sections = new Set(layout.seats.map(({ section }) => section));
    const rows = new Set(layout.seats.map(({ row }) => row));
    this.#rows = sections.size === 1 && rows.size <= size.lines ? rowByRow(layout, size) : asMap(layout, size);
  }

  /** Whether the picture was made for a terminal of this size. */
  fits({ columns, lines }: PictureSize): boolean {
    return columns === this.#size.columns && lines === this.#size.lines;
  }

  lines(statuses: Uint8Array): string[] {
    return this.#rows.map(({ name, cells }) => {
      const seats = cells.map((cell) => (cell === undefined ? " " : this.#draw(cell, statuses))).join("");
      return `${this.#colour(name.padStart(MARGIN - 1), COLOURS.aside)} ${seats}`;
    });
  }

  /** What the glyphs and colours mean. */
  legend(layout: Layout): string {
    const free = layout.categories.map(({ name }, category) =>
      this.#colour(`${GLYPHS[0]} ${name}`, categoryColour(category)),
    );
    const held = this.#colour(`${GLYPHS[1]} held`, COLOURS.held);
    const booked = this.#colour(`${GLYPHS[2]} booked`, COLOURS.booked);
    return [...free, held, booked].join("   ");
  }

  #draw(cell: Cell, statuses: Uint8Array): string {
    const tally = [0, 0, 0, 0];
    for (const seat of cell) {
      const status = statuses[seat] ?? 0;
      tally[status] = (tally[status] ?? 0) + 1;
    }
    // The cast: the index of one of four.
    const status = tally.indexOf(Math.max(...tally)) as keyof typeof GLYPHS;
    const category = this.#categories.indexOf(this.#seats[cell[0] ?? 0]?.category ?? "");
    const colours = [categoryColour(category), COLOURS.held, COLOURS.booked, COLOURS.blocked];
    return this.#colour(GLYPHS[status], colours[status] ?? COLOURS.aside);
  }

  #colour(text: string, colour: string): string {
    return this.#coloured ? `\u001b[${colour}m${text}\u001b[0m` : text;
  }
}

const categoryColour = (category: number): string => CATEGORY_COLOURS[category % CATEGORY_COLOURS.length] ?? "36";

function rowByRow({ seats }: Layout, size: PictureSize) {
  const columnOf = scale(
    seats.map(({ x }) => x),
    size.columns - MARGIN,
    seatPitch(seats) / 2,
  );
  const rows = new Map<string, LayoutSeat[]>();
  for (const seat of seats) {
    const row = rows.get(seat.row);
    if (row === undefined) rows.set(seat.row, [seat]);
    else row.push(seat);
  }
  return [...rows].map(([name, row]) => ({ name, cells: cellsOf(row, columnOf) }));
}

function asMap({ seats }: Layout, size: PictureSize) {
  const columnOf = scale(
    seats.map(({ x }) => x),
    size.columns - MARGIN,
    1,
  );
  const lineOf = scale(
    seats.map(({ y }) => y),
    size.lines,
    1,
  );
  const lines: LayoutSeat[][] = Array.from({ length: size.lines }, () => []);
  for (const seat of seats) lines[lineOf(seat.y)]?.push(seat);
  return lines.map((line) => ({ name: "", cells: cellsOf(line, columnOf) }));
}

function cellsOf(seats: readonly LayoutSeat[], columnOf: (x: number) => number): (Cell | undefined)[] {
  const cells: (Cell | undefined)[] = [];
  for (const seat of seats) {
    const column = columnOf(seat.x);
    (cells[column] ??= []).push(seat.index);
  }
  return Array.from(cells);
}

/** From centimetres to characters, `least` centimetres or more to each. */
function scale(values: readonly number[], characters: number, least: number): (value: number) => number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const step = Math.max(least, (high - low) / Math.max(1, characters - 1));
  return (value) => Math.round((value - low) / step);
}

/** The distance of the first two neighbours. */
function seatPitch(seats: readonly LayoutSeat[]): number {
  const [first, second] = seats;
  return first === undefined || second === undefined ? 1 : Math.max(1, Math.abs(second.x - first.x));
}
