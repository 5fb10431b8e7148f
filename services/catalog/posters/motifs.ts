/** Pictures of simple shapes, 400 wide and 400 high, in the colours of a `PosterArt`. */
import type { MotifName, PosterArt } from "./poster-art.ts";

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const circle = (x: number, y: number, r: number, fill: string): string =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`;
const ring = (x: number, y: number, r: number, stroke: string, width: number): string =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="none" stroke="${stroke}" stroke-width="${width}"/>`;
const rect = (x: number, y: number, width: number, height: number, fill: string): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"/>`;
const shape = (points: string, fill: string): string => `<polygon points="${points}" fill="${fill}"/>`;
const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, width: number): string =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${stroke}" stroke-width="${width}" stroke-linecap="round"/>`;
const path = (d: string, fill: string): string => `<path d="${d}" fill="${fill}"/>`;

export const MOTIFS: Readonly<Record<MotifName, (art: PosterArt) => string>> = {
  /** A city of towers before a rising disc. */
  skyline: ({ ink, accent, paper }) =>
    [
      circle(200, 190, 120, accent),
      ring(200, 190, 145, accent, 4),
      ring(200, 190, 166, accent, 2),
      ...range(9).map((at) => {
        const height = 320 - Math.abs(at - 4) * 55;
        return rect(20 + at * 40, 400 - height, 38, height, ink);
      }),
      shape("200,30 181,80 219,80", ink),
      ...range(7).map((at) => rect(197, 110 + at * 36, 6, 20, paper)),
    ].join(""),

  /** A long-fingered shadow on a staircase. */
  stairs: ({ ink, accent, paper }) =>
    [
      circle(290, 110, 78, accent),
      ...range(8).map((at) => rect(at * 50, 360 - at * 40, 400 - at * 50, 40, at % 2 ? ink : mix(ink))),
      circle(128, 118, 34, ink),
      path("M92 400 C92 240 96 150 128 150 C160 150 164 240 164 400 Z", ink),
      ...range(4).map((at) => line(156, 186, 214 + at * 14, 150 + at * 24, ink, 7)),
      circle(117, 114, 4, paper),
      circle(139, 114, 4, paper),
    ].join(""),

  /** A locomotive comes down the line. */
  rails: ({ ink, accent, paper }) =>
    [
      ...range(9).map((at) => {
        const spread = 40 + at * at * 2.6;
        return rect(200 - spread, 262 + at * 17, spread * 2, 5 + at, accent);
      }),
      shape("186,250 196,250 110,400 70,400", ink),
      shape("204,250 214,250 330,400 290,400", ink),
      circle(200, 180, 96, ink),
      ring(200, 180, 78, paper, 5),
      circle(200, 180, 26, accent),
      rect(178, 36, 44, 60, ink),
      rect(164, 26, 72, 18, ink),
      shape("130,276 270,276 300,316 100,316", ink),
      ...range(3).map((at) => circle(250 + at * 42, 40 - at * 6, 20 + at * 9, accent)),
    ].join(""),

  /** A beam of light, and a looking glass in it. */
  projector: ({ ink, accent, paper }) =>
    [
      shape("70,330 360,60 360,270", accent),
      rect(24, 290, 84, 76, ink),
      circle(46, 272, 28, ink),
      circle(92, 262, 22, ink),
      circle(46, 272, 9, paper),
      circle(92, 262, 7, paper),
      ring(270, 165, 62, ink, 14),
      line(226, 214, 176, 272, ink, 18),
      path("M236 168 C236 128 304 128 304 168 Z", ink),
      rect(222, 166, 96, 9, ink),
    ].join(""),

  /** A clock high over the street, and somebody hanging on. */
  clock: ({ ink, accent, paper }) =>
    [
      ...range(6).map((at) => rect(20 + at * 64, 320 - (at % 3) * 34, 50, 80 + (at % 3) * 34, accent)),
      circle(200, 170, 140, ink),
      circle(200, 170, 122, paper),
      ...range(12).map((at) => {
        const angle = (at * Math.PI) / 6;
        const [x, y] = [Math.sin(angle), -Math.cos(angle)];
        return line(round(200 + x * 100), round(170 + y * 100), round(200 + x * 113), round(170 + y * 113), ink, 7);
      }),
      line(200, 170, 148, 130, ink, 12),
      line(200, 170, 272, 214, accent, 8),
      circle(200, 170, 11, ink),
      circle(276, 240, 11, ink),
      line(272, 214, 278, 262, ink, 8),
      line(278, 262, 264, 306, ink, 7),
      line(278, 262, 300, 300, ink, 7),
    ].join(""),

  /** Walls that lean, windows that are none. */
  shards: ({ ink, accent, paper }) =>
    [
      shape("0,400 0,70 120,20 90,400", ink),
      shape("400,400 400,40 300,90 330,400", ink),
      shape("90,400 170,150 230,400", accent),
      shape("330,400 240,120 200,400", mix(ink)),
      shape("150,80 262,48 216,196", accent),
      shape("30,150 78,118 70,210 38,226", paper),
      shape("338,150 382,120 380,196 346,214", paper),
      shape("36,280 76,262 70,336 40,344", accent),
      circle(204, 272, 20, ink),
      shape("186,400 196,286 214,286 228,400", ink),
    ].join(""),

  /** A rocket in the eye of the moon. */
  moon: ({ ink, accent, paper }) =>
    [
      ...range(14).map((at) => circle((at * 97) % 392, (at * 61) % 380, 2 + (at % 3), accent)),
      circle(196, 206, 146, accent),
      circle(150, 170, 17, ink),
      circle(246, 172, 30, paper),
      path("M136 268 Q196 312 256 268 Q196 288 136 268 Z", ink),
      circle(120, 240, 12, mix(ink)),
      circle(214, 108, 9, mix(ink)),
      circle(282, 256, 14, mix(ink)),
      shape("238,176 330,70 356,96 256,188", ink),
      shape("330,70 372,38 356,96", ink),
      line(352, 74, 384, 90, ink, 10),
      line(336, 58, 320, 26, ink, 10),
    ].join(""),

  /** Half a mask, a rose of the opera. */
  mask: ({ ink, accent, paper }) =>
    [
      path("M0 0 H80 C120 140 70 260 0 400 Z", accent),
      path("M400 0 H320 C280 140 330 260 400 400 Z", accent),
      path("M200 60 C110 60 92 150 104 228 C114 300 160 352 200 360 Z", paper),
      path("M200 60 C290 60 308 150 296 228 C286 300 240 352 200 360 Z", ink),
      path("M124 186 Q152 158 184 190 Q152 206 124 186 Z", ink),
      path("M216 190 Q248 158 276 186 Q248 206 216 190 Z", accent),
      path("M168 300 Q188 308 200 304 L200 292 Q184 296 168 300 Z", ink),
      shape("200,196 182,258 200,262", mix(ink)),
    ].join(""),

  /** A warship under a red flag. */
  waves: ({ ink, accent }) =>
    [
      circle(200, 150, 110, mix(ink)),
      shape("60,250 340,250 306,312 96,312", ink),
      rect(130, 206, 140, 46, ink),
      rect(150, 150, 26, 60, ink),
      rect(196, 140, 26, 70, ink),
      line(254, 40, 254, 210, ink, 7),
      path("M257 42 Q292 26 318 46 T380 48 V104 Q348 118 318 102 T257 100 Z", accent),
      line(270, 226, 330, 206, ink, 9),
      line(130, 226, 74, 206, ink, 9),
      ...range(3).map((row) =>
        path(
          `M0 ${312 + row * 28} q25 -22 50 0 t50 0 t50 0 t50 0 t50 0 t50 0 t50 0 t50 0 V400 H0 Z`,
          row % 2 ? ink : accent,
        ),
      ),
    ].join(""),

  /** A hut at the edge, among the mountains. */
  peaks: ({ ink, accent, paper }) =>
    [
      circle(306, 96, 46, accent),
      shape("0,400 120,110 250,400", mix(ink)),
      shape("120,110 86,192 116,176 136,198 158,194", paper),
      shape("120,400 270,160 400,360 400,400", ink),
      shape("270,160 232,222 266,210 286,232 314,228", paper),
      `<g transform="rotate(14 130 318)">${rect(92, 300, 84, 54, accent)}${shape("80,302 134,258 188,302", ink)}${rect(122, 320, 20, 34, ink)}</g>`,
      path("M0 356 Q120 340 200 366 T400 352 V400 H0 Z", paper),
      ...range(22).map((at) => circle((at * 83 + 20) % 396, (at * 47 + 12) % 330, 2 + (at % 3), paper)),
    ].join(""),

  /** Hands out of the ground, by a red moon. */
  graves: ({ ink, accent, paper }) =>
    [
      circle(278, 120, 86, accent),
      path("M0 330 Q100 280 210 318 T400 300 V400 H0 Z", ink),
      ...[60, 150, 322].map((x, at) => path(`M${x - 24} 340 V${262 - at * 8} a24 24 0 0 1 48 0 V340 Z`, mix(ink))),
      line(226, 350, 226, 236, ink, 22),
      ...range(5).map((at) => line(226, 238, 190 + at * 18, at === 0 || at === 4 ? 204 : 182, ink, 9)),
      line(74, 120, 74, 330, ink, 8),
      line(74, 200, 30, 150, ink, 6),
      line(74, 170, 120, 116, ink, 6),
      rect(138, 284, 24, 4, paper),
    ].join(""),

  /** Front pages, and two who talk at once. */
  headlines: ({ ink, accent, paper }) =>
    [
      `<g transform="rotate(-7 200 250)">`,
      rect(70, 130, 250, 270, ink),
      rect(80, 140, 230, 260, paper),
      rect(96, 158, 198, 26, ink),
      ...range(10).map((at) => rect(96, 200 + at * 18, at < 5 ? 92 : 198, 7, mix(ink))),
      rect(202, 200, 92, 78, accent),
      `</g>`,
      path(
        "M40 40 H210 a20 20 0 0 1 20 20 V112 a20 20 0 0 1 -20 20 H110 L70 168 V132 H40 a20 20 0 0 1 -20 -20 V60 a20 20 0 0 1 20 -20 Z",
        accent,
      ),
      path(
        "M216 84 H350 a18 18 0 0 1 18 18 V148 a18 18 0 0 1 -18 18 H336 V198 L300 166 H216 a18 18 0 0 1 -18 -18 V102 a18 18 0 0 1 18 -18 Z",
        ink,
      ),
      ...range(3).map((at) => circle(82 + at * 42, 86, 9, paper)),
      ...range(3).map((at) => circle(244 + at * 38, 125, 8, paper)),
    ].join(""),
};

const round = (value: number): number => Math.round(value * 10) / 10;

/** Halfway to grey, for what stands further back. */
function mix(colour: string): string {
  const parts = [1, 3, 5].map((at) => Math.round((Number.parseInt(colour.slice(at, at + 2), 16) + 128) / 2));
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
