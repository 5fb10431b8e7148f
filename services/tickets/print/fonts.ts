/**
 * Fonts for whatever people are called and films are titled. Helvetica is in every PDF reader and covers Western Europe; for other
 * scripts a font of the system is embedded, where one is found. What no font can show becomes its base letter, or a question mark.
 */
import { existsSync } from "node:fs";

export type Weight = "regular" | "bold";

interface SystemFont {
  readonly regular: string;
  readonly bold: string;
}

/** Broad fonts where the systems that we run on keep them. */
export const SYSTEM_FONTS: readonly SystemFont[] = [
  {
    regular: "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    bold: "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
  },
  { regular: "/usr/share/fonts/dejavu/DejaVuSans.ttf", bold: "/usr/share/fonts/dejavu/DejaVuSans-Bold.ttf" },
  {
    regular: "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    bold: "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
  },
  { regular: "/Library/Fonts/Arial Unicode.ttf", bold: "/Library/Fonts/Arial Unicode.ttf" },
  {
    regular: "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    bold: "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
  },
  { regular: "C:/Windows/Fonts/arial.ttf", bold: "C:/Windows/Fonts/arialbd.ttf" },
];

const STANDARD: SystemFont = { regular: "Helvetica", bold: "Helvetica-Bold" };

/** Latin-1, and what Windows-1252 has beside it. */
const IN_STANDARD = /^[\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]*$/u;
const NO_BREAK_SPACE = "\u00a0";
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;

const isThere = ({ regular, bold }: SystemFont): boolean => existsSync(regular) && existsSync(bold);

/** Whether tickets can show more than Western Europe's letters. */
export const hasSystemFont = (): boolean => SYSTEM_FONTS.some(isThere);

export interface FittedText {
  readonly font: string;
  readonly text: string;
  /** The words are in the order of drawing: they must stay on one line. */
  readonly rightToLeft: boolean;
}

export class Fonts {
  readonly #system = SYSTEM_FONTS.filter(isThere);

  /** A font for the whole of a line, and the line as that font can show it, in the order in which it is drawn. */
  fit(document: PDFKit.PDFDocument, line: string, weight: Weight): FittedText {
    const text = line.normalize("NFC").replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
    if (IN_STANDARD.test(text)) return { font: STANDARD[weight], text, rightToLeft: false };
    const candidates = this.#system.map((each) => {
      const font = glyphsOf(document.font(each[weight]));
      const missing = [...text].filter((letter) => font?.hasGlyphForCodePoint(letter.codePointAt(0) ?? 0) !== true);
      return { font: each[weight], missing: new Set(missing) };
    });
    const outsiders = new Set([...text].filter((letter) => !IN_STANDARD.test(letter)));
    const standard = { font: STANDARD[weight], missing: outsiders };
    const best = [standard, ...candidates].reduce((a, b) => (b.missing.size < a.missing.size ? b : a));
    const shown = [...text].map((letter) => (best.missing.has(letter) ? substituteFor(letter) : letter)).join("");
    const tidy = shown.replaceAll(/ {2,}/g, " ").trim();
    const rightToLeft = RIGHT_TO_LEFT.test(tidy);
    return { font: best.font, text: rightToLeft ? inDrawnOrder(tidy) : tidy, rightToLeft };
  }
}

interface Glyphs {
  hasGlyphForCodePoint(codePoint: number): boolean;
}

/** What the document's present font can show; pdfkit knows, though its types do not say so. */
const glyphsOf = (document: PDFKit.PDFDocument): Glyphs | undefined =>
  (Reflect.get(document, "_font") as { readonly font?: Glyphs }).font;

function substituteFor(letter: string): string {
  if (/\p{Extended_Pictographic}|\p{M}|\p{Emoji_Modifier}|\p{Regional_Indicator}/u.test(letter)) return "";
  const base = letter.normalize("NFKD").replaceAll(/\p{M}/gu, "");
  return base !== letter && IN_STANDARD.test(base) ? base : "?";
}

/**
 * Fonts turn a word that runs from right to left around by themselves, but pdfkit sets word after word from the left. So neighbours of
 * that kind become one word, and where the line begins with one, its parts are set in reverse.
 */
function inDrawnOrder(line: string): string {
  const parts: { readonly turned: boolean; text: string }[] = [];
  for (const word of line.split(" ")) {
    const turned = RIGHT_TO_LEFT.test(word);
    const last = parts.at(-1);
    if (last?.turned === turned) last.text += `${turned ? NO_BREAK_SPACE : " "}${word}`;
    else parts.push({ turned, text: word });
  }
  if (parts[0]?.turned === true) parts.reverse();
  // The blank behind a turned word is drawn before it: another one keeps what follows apart.
  return parts
    .map(({ turned, text }) => (turned ? `${text} ` : text))
    .join(" ")
    .trimEnd();
}
