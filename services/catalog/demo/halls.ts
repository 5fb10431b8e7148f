/** The demo's halls. */
import { buildLayout, type HallSpec, type RowSpec, type SectionSpec } from "../layout/layout-builder.ts";
import type { HallLayout } from "../layout/hall-layout.ts";

/** Row letters as cinemas use them: without I and O, which read like digits. */
const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ";
const rowName = (row: number): string => LETTERS.charAt(row);

/** A run of like rows. */
interface Rows {
  readonly count: number;
  readonly parts: readonly number[];
  readonly category: "value" | "standard" | "premium";
}

const CATEGORY_NAMES = { value: "Value", standard: "Standard", premium: "Premium" } as const;

const CINEMA_PITCH = { rowPitch: 110, seatPitch: 60, aisleWidth: 130 } as const;

/** Rows named in order, of which some (by name) have wheelchair places at both ends, each beside a companion's seat. */
function rowsOf(runs: readonly Rows[], wheelchairRows: string): RowSpec[] {
  const plain = runs.flatMap(({ count, parts, category }) =>
    Array.from({ length: count }, () => ({ parts, category })),
  );
  return plain.map((row, depth) => {
    const name = rowName(depth);
    const last = row.parts.reduce((sum, part) => sum + part, 0);
    return wheelchairRows.includes(name)
      ? { name, ...row, accessible: [1, last], companions: [2, last - 1] }
      : { name, ...row };
  });
}

/** One room with gently curved rows; its best seats are in the middle, two thirds of the way back. */
function cinemaHall(runs: readonly Rows[], curveRadius: number, wheelchairRows: string): HallLayout {
  const rows = rowsOf(runs, wheelchairRows);
  const sweetRow = Math.floor((rows.length * 2) / 3);
  const focal = { x: 0, y: curveRadius + sweetRow * CINEMA_PITCH.rowPitch };
  const categories = (["value", "standard", "premium"] as const).map((id) => ({ id, name: CATEGORY_NAMES[id], focal }));
  const shape = { kind: "arc", centre: { x: 0, y: 0 }, radius: curveRadius, bearing: 0 } as const;
  return buildLayout({ categories, sections: [{ name: "Main floor", shape, ...CINEMA_PITCH, rows }] });
}

/** 96 seats on both sides of a middle aisle. */
export const studioHall = (): HallLayout =>
  cinemaHall(
    [
      { count: 2, parts: [5, 5], category: "value" },
      { count: 4, parts: [6, 6], category: "standard" },
      { count: 2, parts: [7, 7], category: "premium" },
    ],
    1_800,
    "H",
  );

/** 240 seats, two aisles. */
export const classicHall = (): HallLayout =>
  cinemaHall(
    [
      { count: 2, parts: [2, 10, 2], category: "value" },
      { count: 7, parts: [4, 10, 4], category: "standard" },
      { count: 3, parts: [4, 10, 4], category: "premium" },
      { count: 2, parts: [3, 10, 3], category: "premium" },
    ],
    2_600,
    "AP",
  );

/** 480 seats, two aisles: where premieres are held. */
export const premiereHall = (): HallLayout =>
  cinemaHall(
    [
      { count: 2, parts: [4, 12, 4], category: "value" },
      { count: 4, parts: [5, 12, 5], category: "value" },
      { count: 7, parts: [7, 12, 7], category: "standard" },
      { count: 3, parts: [7, 12, 7], category: "premium" },
      { count: 2, parts: [6, 12, 6], category: "premium" },
      { count: 2, parts: [5, 12, 5], category: "premium" },
    ],
    3_400,
    "AGV",
  );

/** Blocks of 20 rows on the floor, and two rings of blocks around it that leave the screen's side open. */
const ARENA = { floorColumns: 5, floorLines: 2, ringBlocks: 20, blockDegrees: 13.6 } as const;
const ARENA_PITCH = { rowPitch: 85, seatPitch: 55, aisleWidth: 0 } as const;

/** Two rows each of these widths make a block of 400 seats that widens outwards, as the ring does. */
const LOWER_WIDTHS = [16, 17, 18, 19, 20, 20, 21, 22, 23, 24] as const;
const UPPER_WIDTHS = [22, 23, 24, 25, 25, 26, 27, 28] as const;

/** 20,000 seats: 4,000 on the floor, 8,000 in each ring. */
export function arenaHall(): HallLayout {
  const spec: HallSpec = {
    categories: [
      { id: "premium", name: "Floor", focal: { x: 0, y: -1_800 } },
      { id: "standard", name: "Lower ring", focal: { x: 0, y: 4_200 } },
      { id: "value", name: "Upper ring", focal: { x: 0, y: 6_400 } },
    ],
    sections: [
      ...floorBlocks(),
      ...ringBlocks("1", 4_200, LOWER_WIDTHS, "standard"),
      ...ringBlocks("2", 6_400, UPPER_WIDTHS, "value"),
    ],
  };
  return buildLayout(spec);
}

function floorBlocks(): SectionSpec[] {
  const rows = Array.from({ length: 20 }, (_, depth) => ({ name: rowName(depth), parts: [20], category: "premium" }));
  return Array.from({ length: ARENA.floorLines * ARENA.floorColumns }, (_, block) => {
    const column = (block % ARENA.floorColumns) - (ARENA.floorColumns - 1) / 2;
    const line = Math.floor(block / ARENA.floorColumns);
    const front = { x: column * 1_250, y: -1_900 + line * 1_950 };
    return { ...named(`F${block + 1}`), shape: { kind: "straight", front } as const, ...ARENA_PITCH, rows };
  });
}

function ringBlocks(storey: string, radius: number, widths: readonly number[], category: string): SectionSpec[] {
  const rows = widths
    .flatMap((width) => [width, width])
    .map((width, depth) => ({ name: rowName(depth), parts: [width], category }))
    .map((row, depth) => (depth === 0 && storey === "1" ? { ...row, accessible: [1, 16], companions: [2, 15] } : row));
  return Array.from({ length: ARENA.ringBlocks }, (_, block) => {
    // Blocks are numbered as one walks in from the left of the screen.
    const bearing = ((ARENA.ringBlocks - 1) / 2 - block) * ARENA.blockDegrees;
    const shape = { kind: "arc", centre: { x: 0, y: 0 }, radius, bearing } as const;
    return { ...named(`${storey}${String(block + 1).padStart(2, "0")}`), shape, ...ARENA_PITCH, rows };
  });
}

/** Row names start again in each block, so a label begins with its block: `112-F12`. */
const named = (block: string): { name: string; prefix: string } => ({ name: `Block ${block}`, prefix: `${block}-` });
