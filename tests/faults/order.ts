import { hash } from "node:crypto";

/** So many of each kind, mixed by the seed: a seed's order of those that there were stays when another kind is added. */
export function orderOf<Name extends string>(counts: Readonly<Partial<Record<Name, number>>>, seed: number): Name[] {
  const places = Object.entries<number | undefined>(counts).flatMap(
    ([name, count]) =>
      Array.from({ length: count ?? 0 }, (_, n) => ({ name: name as Name, place: placeOf(`${seed} ${name} ${n}`) })), // The cast: the keys are such names.
  );
  return places.sort((a, b) => (a.place < b.place ? -1 : 1)).map(({ name }) => name);
}

const placeOf = (text: string): string => hash("sha256", text, "hex");
