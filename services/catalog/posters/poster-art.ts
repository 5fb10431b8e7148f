import { fnv1a } from "../../../proto/index.ts";

/** What a poster is drawn with. Colours are `#rrggbb`. */
export interface PosterArt {
  readonly motif: MotifName;
  readonly paper: string;
  readonly ink: string;
  readonly accent: string;
}

export const MOTIF_NAMES = [
  "skyline",
  "stairs",
  "rails",
  "projector",
  "clock",
  "shards",
  "moon",
  "mask",
  "waves",
  "peaks",
  "graves",
  "headlines",
] as const;
export type MotifName = (typeof MOTIF_NAMES)[number];

const PALETTES = [
  ["#f3e9d2", "#1d2b3a", "#c8553d"],
  ["#e8ddcb", "#2b2118", "#a63a2b"],
  ["#dfe7e1", "#12343b", "#e0a458"],
  ["#17181f", "#e9e4d4", "#d8503f"],
  ["#f0e5cf", "#3b2a4a", "#4f7d75"],
] as const;

/** A film's art where nobody chose one: always the same for the same id. */
export function artOf(movieId: string): PosterArt {
  const number = fnv1a(movieId) >>> 0;
  const motif = MOTIF_NAMES[number % MOTIF_NAMES.length] ?? "skyline";
  const [paper, ink, accent] = PALETTES[(number >>> 8) % PALETTES.length] ?? PALETTES[0];
  return { motif, paper, ink, accent };
}
