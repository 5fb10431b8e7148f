/** The name that is the fewest edits away from `wanted`; `USHER_` too many or too few costs nothing. */
export function nearest(wanted: string, names: readonly string[]): string | undefined {
  const bare = wanted.toUpperCase().replace(/^USHER_/, "");
  const cost = (name: string): number => Math.min(distance(wanted, name), distance(bare, name.replace(/^USHER_/, "")));
  const [best] = names.toSorted((left, right) => cost(left) - cost(right));
  return best !== undefined && cost(best) <= bare.length / 2 ? best : undefined;
}

/** Levenshtein's: insertions, deletions and replacements, one row at a time. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...from].entries()) {
    const next = [at + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
