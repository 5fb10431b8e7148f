import decodeQR from "qr/decode.js";

interface Bar {
  readonly x: number;
  readonly y: number;
  readonly length: number;
}

/** Pixels a module: enough for a reader of photographs. */
const SCALE = 6;

/** What a reader sees in bars of one module's height, on a square of `size` modules. */
export function readQr(bars: readonly Bar[], size: number): string {
  const width = size * SCALE;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const { x, y, length } of bars)
    for (let row = y * SCALE; row < (y + 1) * SCALE; row++)
      for (let column = x * SCALE; column < (x + length) * SCALE; column++)
        data.fill(0, (row * width + column) * 4, (row * width + column) * 4 + 3);
  return decodeQR({ width, height: width, data });
}

/** The bars of an SVG picture by `qrSvg`. */
export function readQrSvg(svg: string): string {
  const size = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
  const bars = [...svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)].map(([, x, y, length]) => ({
    x: Number(x),
    y: Number(y),
    length: Number(length),
  }));
  return readQr(bars, size);
}
