import encodeQR from "qr";

/** The light margin that readers need, in modules (ISO/IEC 18004). */
const BORDER = 4;

/** For paper and screens; a smudge of 15% does no harm. */
const OPTIONS = { ecc: "medium", encoding: "alphanumeric", border: BORDER } as const;

/** Rows of dark and light modules, with the margin. */
export const qrModules = (text: string): boolean[][] => encodeQR(text, "raw", OPTIONS);

/** Black on white whatever the page around it looks like, with sharp edges at every size. */
export function qrSvg(text: string): string {
  const modules = qrModules(text);
  const size = modules.length;
  const bars = darkBars(modules).map(({ x, y, length }) => `M${x} ${y}h${length}v1h-${length}z`);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" width="${size * 8}" height="${size * 8}" ` +
    `shape-rendering="crispEdges" role="img" aria-label="QR code">` +
    `<path fill="#fff" d="M0 0h${size}v${size}H0z"/><path fill="#000" d="${bars.join("")}"/></svg>`
  );
}

/** Dark modules that lie side by side as one bar each, so that no hairline shows between them. */
export function darkBars(modules: readonly (readonly boolean[])[]): { x: number; y: number; length: number }[] {
  return modules.flatMap((row, y) => {
    const bars: { x: number; y: number; length: number }[] = [];
    row.forEach((dark, x) => {
      if (!dark) return;
      const last = bars.at(-1);
      if (last !== undefined && last.x + last.length === x) last.length++;
      else bars.push({ x, y, length: 1 });
    });
    return bars;
  });
}
