import { escape } from "../../../platform/html/index.ts";
import { shortened } from "../../../proto/index.ts";
import { MOTIFS } from "./motifs.ts";
import { artOf, type PosterArt } from "./poster-art.ts";

export interface PosterSubject {
  readonly id: string;
  readonly title: string;
  readonly year: number;
  readonly director: string;
  readonly actors: readonly string[];
}

/** Sizes of the poster, and of the space its words may take, in the units of the picture. */
const WIDTH = 400;
const HEIGHT = 600;
const TEXT_WIDTH = 344;
const TITLE_LINES_MAX = 3;

/** A film's poster as an SVG picture: the same film, the same bytes. It carries no script, style or link. */
export function drawPoster(subject: PosterSubject, chosen: PosterArt | null): string {
  const art = chosen ?? artOf(subject.id);
  const lines = titleLines(subject.title.toUpperCase());
  const size = Math.min(58, 112 / lines.length, ...lines.map((line) => TEXT_WIDTH / (line.length * 0.74)));
  // The lines' middle lies between the rule under the picture and the credits.
  const firstLine = 474 - (lines.length / 2 - 0.86) * size;
  const title = lines.map((line, at) => text(line, firstLine + at * size, size, art.ink, 700)).join("");
  const credit = `${subject.director} · ${subject.year}`;
  const cast = subject.actors.slice(0, 3).join(" · ");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">` +
    `<title>${xml(`${subject.title} (${subject.year})`)}</title>` +
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="${art.paper}"/>` +
    `<svg x="0" y="0" width="400" height="400" viewBox="0 0 400 400">${MOTIFS[art.motif](art)}</svg>` +
    `<rect y="400" width="${WIDTH}" height="6" fill="${art.accent}"/>` +
    title +
    text(credit, 560, fit(credit, 17), art.ink, 700) +
    text(cast, 582, fit(cast, 13), art.ink, 400) +
    `</svg>`
  );
}

function text(words: string, y: number, size: number, fill: string, weight: number): string {
  const attributes = `x="200" y="${y.toFixed(1)}" font-size="${size.toFixed(1)}" font-weight="${weight}" fill="${fill}"`;
  return `<text ${attributes} text-anchor="middle" font-family="Futura, 'Century Gothic', 'Avenir Next', 'Segoe UI', sans-serif">${xml(words)}</text>`;
}

/** The largest size up to `most` at which the words keep to the poster. */
const fit = (words: string, most: number): number => Math.min(most, TEXT_WIDTH / Math.max(1, words.length * 0.62));

/** The title in up to three lines that are as even as its words allow; what is longer than that ends in dots. */
function titleLines(title: string): string[] {
  const words = title.split(/\s+/).filter((word) => word !== "");
  const count = Math.min(TITLE_LINES_MAX, words.length, Math.ceil(title.length / 12));
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const full = last === undefined || (lines.length < count && last.length + word.length / 2 >= title.length / count);
    if (full) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => shortened(line, 40));
}

/** As text of XML 1.0, which has no control characters in any form. */
const xml = (words: string): string => escape(words.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, " "));
