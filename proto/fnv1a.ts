/**
 * The 32 bits of FNV-1a (Fowler, Noll and Vo) over a text's UTF-16 code units; with a sign, as Int32 has one.
 */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = 0; at < text.length; at++) hash = fnv1aStep(hash, text.charCodeAt(at));
  return hash;
}

/** The same, a unit at a time, for who reads them anyway. */
export const fnv1aStep = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193);
