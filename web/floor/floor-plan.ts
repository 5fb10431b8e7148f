import type { Layout, LayoutSeat } from "../../client/index.ts";
import { groupBy } from "../group-by.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Label extends Point {
  readonly text: string;
  /** Width of what it names, in centimetres. */
  readonly width: number;
}

export type Direction = "left" | "right" | "up" | "down";

/** Shares of the hall's width. */
const SCREEN_DISTANCE = 0.012;
export const SCREEN_BEND = 0.025;

/** Where everything is, in centimetres, y growing away from the screen; and which seat is where. */
export class FloorPlan {
  readonly seats: readonly LayoutSeat[];
  /** Distance of neighbours. */
  readonly pitch: number;
  readonly box: Box;
  /** The box with room around it, and the screen in front. */
  readonly frame: Box;
  readonly screenY: number;
  /** Row names at both ends of each row, for halls of one section. */
  readonly rowLabels: readonly Label[];
  /** Section names, for halls of several. */
  readonly sectionLabels: readonly Label[];
  readonly #cells = new Map<string, number[]>();

  constructor({ seats }: Layout) {
    this.seats = seats;
    this.pitch = pitchOf(seats);
    const { left, top, right, bottom } = (this.box = boxOf(seats));
    this.screenY = top - Math.max(this.pitch * 1.6, (right - left) * SCREEN_DISTANCE);
    const margin = this.pitch * 2;
    const front = this.screenY - (right - left) * SCREEN_BEND;
    this.frame = { left: left - margin, right: right + margin, top: front - this.pitch, bottom: bottom + margin };
    const sections = groupBy(seats, ({ section }) => section);
    this.rowLabels = sections.size > 1 ? [] : rowLabels(seats, this.pitch);
    this.sectionLabels = sections.size > 1 ? [...sections].map(([text, own]) => sectionLabel(text, own)) : [];
    for (const { index, x, y } of seats) {
      const key = this.#cellOf(x, y);
      const cell = this.#cells.get(key);
      if (cell === undefined) this.#cells.set(key, [index]);
      else cell.push(index);
    }
  }

  /** The seat within `reach` centimetres of a point, the nearest of them. */
  seatAt({ x, y }: Point, reach: number): number | undefined {
    let best: number | undefined;
    let bestDistance = reach;
    const span = Math.ceil(reach / this.pitch);
    for (let column = -span; column <= span; column++) {
      for (let row = -span; row <= span; row++) {
        for (const index of this.#cells.get(this.#cellOf(x + column * this.pitch, y + row * this.pitch)) ?? []) {
          const seat = this.seats[index];
          const distance = seat === undefined ? Number.POSITIVE_INFINITY : Math.hypot(seat.x - x, seat.y - y);
          if (distance <= bestDistance) [best, bestDistance] = [index, distance];
        }
      }
    }
    return best;
  }

  /** The seat that is nearest to the middle of the hall, where there may be none. */
  get middle(): number | undefined {
    const { left, right, top, bottom } = this.box;
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    let best: LayoutSeat | undefined;
    for (const seat of this.seats) {
      if (best === undefined || Math.hypot(seat.x - x, seat.y - y) < Math.hypot(best.x - x, best.y - y)) best = seat;
    }
    return best?.index;
  }

  /** The seat next to another as one would look for it: in its row, or in the row before or behind. */
  neighbour(from: number, direction: Direction): number | undefined {
    const here = this.seats[from];
    if (here === undefined) return undefined;
    const along = direction === "left" || direction === "right";
    const sign = direction === "left" || direction === "up" ? -1 : 1;
    let best: number | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const seat of this.seats) {
      const ahead = (along ? seat.x - here.x : seat.y - here.y) * sign;
      const aside = Math.abs(along ? seat.y - here.y : seat.x - here.x);
      if (ahead <= 0 || (along && aside > ahead)) continue;
      const cost = along ? ahead + aside * 3 : ahead + aside * 2;
      if (cost < bestCost) [best, bestCost] = [seat.index, cost];
    }
    return best;
  }

  #cellOf(x: number, y: number): string {
    return `${Math.floor(x / this.pitch)},${Math.floor(y / this.pitch)}`;
  }
}

/** The median distance of seats that follow one another. */
function pitchOf(seats: readonly LayoutSeat[]): number {
  const distances: number[] = [];
  for (const [index, seat] of seats.entries()) {
    const next = seats[index + 1];
    if (next?.row === seat.row && next.section === seat.section)
      distances.push(Math.hypot(next.x - seat.x, next.y - seat.y));
  }
  distances.sort((a, b) => a - b);
  return Math.max(1, distances[distances.length >> 1] ?? 60);
}

function boxOf(points: readonly Point[]): Box {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const { x, y } of points) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return points.length > 0 ? box : { left: 0, top: 0, right: 1, bottom: 1 };
}

function rowLabels(seats: readonly LayoutSeat[], pitch: number): Label[] {
  return [...groupBy(seats, ({ row }) => row)].flatMap(([text, row]) => {
    const [first, last] = [row[0], row.at(-1)];
    if (first === undefined || last === undefined) return [];
    const left = { text, x: Math.min(first.x, last.x) - pitch * 1.2, y: first.y, width: pitch };
    return [left, { ...left, x: Math.max(first.x, last.x) + pitch * 1.2, y: last.y }];
  });
}

function sectionLabel(text: string, seats: readonly LayoutSeat[]): Label {
  const { left, top, right, bottom } = boxOf(seats);
  return { text: text.replace(/^Block /, ""), x: (left + right) / 2, y: (top + bottom) / 2, width: right - left };
}
