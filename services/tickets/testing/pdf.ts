/** Reads a PDF back: what its pages say, and the bars that are drawn on them. As much of PDF as pdfkit writes. */
import { inflateSync } from "node:zlib";

export interface ReadPage {
  /** A line each, in the order of drawing. */
  readonly lines: readonly string[];
  /** Rectangles, in the units in which they were drawn. */
  readonly bars: readonly { readonly x: number; readonly y: number; readonly length: number }[];
  readonly dots: number;
  readonly circles: number;
}

export function readPdf(bytes: Uint8Array): ReadPage[] {
  const file = Buffer.from(bytes).toString("latin1");
  const objects = new Map<string, { head: string; stream: string }>();
  for (const [, id = "", body = ""] of file.matchAll(/(\d+) 0 obj\n([\s\S]*?)\nendobj/g)) {
    const [head = "", rest] = body.split("\nstream\n");
    const data = Buffer.from(rest?.slice(0, rest.lastIndexOf("\nendstream")) ?? "", "latin1");
    objects.set(id, { head, stream: (head.includes("FlateDecode") ? inflateSync(data) : data).toString("latin1") });
  }
  const at = (head: string, key: string) => objects.get(new RegExp(`/${key} (\\d+) 0 R`).exec(head)?.[1] ?? "");
  const pages = [...objects.values()].filter(({ head }) => /\/Type \/Page\n/.test(head));
  return pages.map(({ head }) => {
    const resources = at(head, "Resources")?.head ?? "";
    const fonts = new Map(
      [...resources.matchAll(/\/(F\d+) (\d+) 0 R/g)].map(([, name = "", id = ""]) => {
        const unicode = at(objects.get(id)?.head ?? "", "ToUnicode")?.stream;
        return [name, unicode === undefined ? fromWindows1252 : fromGlyphs(unicode)];
      }),
    );
    const content = at(head, "Contents")?.stream ?? "";
    const blocks = [...content.matchAll(/BT\n([\s\S]*?)ET/g)].map(([, block = ""]) => {
      const decode = fonts.get(/\/(F\d+)/.exec(block)?.[1] ?? "") ?? fromWindows1252;
      const shown = [...block.matchAll(/\[(.*?)\] TJ/g)].map(([, parts = ""]) =>
        [...parts.matchAll(/<([0-9a-f]*)>/g)].map(([, hex = ""]) => decode(hex)).join(""),
      );
      return shown.join("");
    });
    const bars = [...content.matchAll(/^(\d+) (\d+) (\d+) 1 re$/gm)].map(([, x, y, length]) => ({
      x: Number(x),
      y: Number(y),
      length: Number(length),
    }));
    return {
      lines: blocks,
      bars,
      dots: content.match(/^(.*) m \1 l$/gm)?.length ?? 0,
      circles: (content.match(/ c$/gm)?.length ?? 0) / 4,
    };
  });
}

/** 0x80 to 0x9f; the rest is Latin-1. (Node's own decoder of this name takes all of it for Latin-1.) */
const WINDOWS_1252 = [..."€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"];

const fromWindows1252 = (hex: string): string =>
  [...Buffer.from(hex, "hex").toString("latin1")]
    .map((letter) => WINDOWS_1252[letter.charCodeAt(0) - 0x80] ?? letter)
    .join("");

function fromGlyphs(cmap: string): (hex: string) => string {
  const letters = new Map<number, string>();
  for (const [, first = "", list = ""] of cmap.matchAll(/<([0-9a-f]+)> <[0-9a-f]+> \[([^\]]*)\]/g)) {
    [...list.matchAll(/<([^>]*)>/g)].forEach(([, hex = ""], index) => {
      const text = Buffer.from(hex.replaceAll(" ", ""), "hex").swap16().toString("utf16le");
      letters.set(Number.parseInt(first, 16) + index, text);
    });
  }
  return (hex) => (hex.match(/.{4}/g) ?? []).map((glyph) => letters.get(Number.parseInt(glyph, 16)) ?? "�").join("");
}
