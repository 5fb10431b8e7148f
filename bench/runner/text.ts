/** Numbers for people. */

const BELOW_THOUSAND = new Intl.NumberFormat("en-US", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
const FROM_THOUSAND = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });

/** Three significant digits, four from a thousand on, thousands apart. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return "-";
  if (value === 0) return "0";
  return (Math.abs(value) < 1_000 ? BELOW_THOUSAND : FROM_THOUSAND).format(value);
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
