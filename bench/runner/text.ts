/** Numbers for people. */

/** Three significant digits, thousands apart. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return "-";
  if (!Number.isFinite(value)) return "∞";
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size >= 3) {
    const step = 10 ** Math.max(0, size - 3);
    return (Math.round(value / step) * step).toLocaleString("en-US", { maximumFractionDigits: 0 });
  }
  return value.toFixed(Math.min(6, Math.max(0, 2 - size)));
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** Lines with columns side by side; the first is the heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("   ")
      .trimEnd(),
  );
}
